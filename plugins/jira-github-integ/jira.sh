set -euo pipefail

# jira METHOD PATH [OPTION OF CURL]... asks Jira. A body comes on standard input.
jira() {
  local method=$1 path=$2
  shift 2
  curl --silent --show-error --fail --max-time 60 --request "$method" \
    --header @<(printf 'Authorization: Basic %s\n' "$(printf '%s:%s' "$JIRA_USER" "$JIRA_API_TOKEN" | base64 | tr -d '\n')") \
    --header 'Content-Type: application/json' "$JIRA/rest/api/3/$path" "$@"
}

# event FILTER [OPTION OF JQ]... looks into the event.
event() {
  jq -r "$@" "$GITHUB_EVENT_PATH"
}

# body FILTER [OPTION OF JQ]... makes a body of the event. In it document makes a document of Jira's of a text.
body() {
  local filter=$1
  shift
  event 'def document: {type: "doc", version: 1, content: (gsub("\r"; "") | .[0:20000] | split("\n")
    | map({type: "paragraph", content: (if . == "" then [] else [{type: "text", text: .}] end)}))};'"$filter" "$@"
}

# linked KEY tells whether that issue in Jira was made for the one on GitHub. Anybody can write any key into a title.
linked() {
  local of
  of=$(jira GET "issue/$1/properties/dtm.github" | jq -r .value.issue) && [[ $of == "$(event .issue.html_url)" ]]
}

action=$(event .action)
# shellcheck disable=SC2016 # it is jq's
key=$(event '.issue.title | capture("^\\[(?<key>" + $project + "-[0-9]+)\\] ").key' --arg project "$PROJECT")
if [[ -n $key ]] && ! linked "$key"; then
  key=
fi
