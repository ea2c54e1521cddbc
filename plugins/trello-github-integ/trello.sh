set -euo pipefail

# trello METHOD PATH [OPTION OF CURL]... asks Trello.
trello() {
  local method=$1 path=$2
  shift 2
  curl --silent --show-error --fail --max-time 60 --request "$method" \
    --header @<(printf 'Authorization: OAuth oauth_consumer_key="%s", oauth_token="%s"\n' "$TRELLO_API_KEY" "$TRELLO_TOKEN") \
    "$TRELLO_API/$path" "$@"
}

# event FILTER [OPTION OF JQ]... looks into the event.
event() {
  jq -j "$@" "$GITHUB_EVENT_PATH"
}

# about URL picks, of a list on standard input, the ID of the first whose text has that URL in its first line.
about() {
  jq -r --arg url "$1" '
    map(select((.desc // .data.text // "") | split("\n")[0] // "" | [scan("https?://[^\\]\\[()<>\"\\s]+")] | index($url) != null))
    | .[0].id // ""'
}

action=$(event .action)
card=$(trello GET "boards/$BOARD/cards/all?fields=id,desc" | about "$(event .issue.html_url)")
