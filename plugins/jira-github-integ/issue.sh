# move STATUS moves the issue there, unless it is empty.
move() {
  [[ -n $1 ]] || return 0
  local id
  id=$(jira GET "issue/$key/transitions" | jq -r --arg to "$1" '[.transitions[] | select(.to.name | ascii_downcase == ($to | ascii_downcase)).id][0] // ""')
  if [[ -z $id ]]; then
    echo "::warning::$key cannot go to the status $1 from where it is"
    return 0
  fi
  jq -n --arg id "$id" '{transition: {id: $id}}' | jira POST "issue/$key/transitions" --data @- --output /dev/null
}

if [[ $action == opened ]]; then
  if [[ -z $key ]]; then
    # shellcheck disable=SC2016 # it is jq's
    key=$(body '{
        fields: {
          project: {key: $project}, issuetype: {name: $type},
          summary: (.issue.title | gsub("\\s+"; " ") | .[0:250]),
          description: (.issue.html_url + "\n\n" + (.issue.body // "") | document)
        },
        properties: [{key: "dtm.github", value: {issue: .issue.html_url}}]
      }' --arg project "$PROJECT" --arg type "$ISSUE_TYPE" | jira POST issue --data @- | jq -r .key)
    # shellcheck disable=SC2016 # it is jq's
    event '{title: ("[" + $key + "] " + .issue.title)}' --arg key "$key" |
      curl --silent --show-error --fail --max-time 60 --retry 3 --request PATCH --output /dev/null \
        --header @<(printf 'Authorization: Bearer %s\n' "$GITHUB_TOKEN") --header 'Content-Type: application/json' \
        --data @- "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/$(event .issue.number)"
  fi
elif [[ -z $key ]]; then
  echo "::notice::no issue in Jira was made for this one"
else
  case $action in
    edited) move "$EDITED" ;;
    closed) move "$CLOSED" ;;
    reopened) move "$REOPENED" ;;
  esac
fi
