if [[ -z $key ]]; then
  echo "::notice::no issue in Jira was made for this one"
  exit 0
fi
if [[ $action == deleted ]]; then
  body '{body: ("The comment \(.comment.html_url) was deleted." | document)}'
else
  body '{body: ("\(.comment.user.login) (\(.comment.html_url), \(.action)):\n\(.comment.body // "")" | document)}'
fi | jira POST "issue/$key/comment" --data @- --output /dev/null
