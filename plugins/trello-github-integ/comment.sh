if [[ -z $card ]]; then
  echo "::notice::there is no card of this issue"
  exit 0
fi
comment=$(trello GET "cards/$card/actions?filter=commentCard&limit=1000" | about "$(event .comment.html_url)")
# Trello would tell whoever has the name that stands behind an @.
text() {
  event '.comment | .html_url + "\n\n" + .user.login + ": " + (.body // "" | .[0:15000] | gsub("@(?=\\w)"; "@\u200b"))'
}

if [[ $action == deleted ]]; then
  if [[ -n $comment ]]; then
    trello DELETE "cards/$card/actions/$comment/comments" --output /dev/null
  fi
elif [[ -n $comment ]]; then
  trello PUT "cards/$card/actions/$comment/comments" --data-urlencode text@<(text) --output /dev/null
else
  trello POST "cards/$card/actions/comments" --data-urlencode text@<(text) --output /dev/null
fi
