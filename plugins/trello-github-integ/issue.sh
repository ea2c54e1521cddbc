# write METHOD PATH [OPTION OF CURL]... writes a card with what the issue says.
write() {
  trello "$@" --output /dev/null \
    --data-urlencode name@<(event '.issue.title | .[0:1000]') \
    --data-urlencode desc@<(event '.issue.html_url + "\n\n" + (.issue.body // "" | .[0:15000])')
}

list=$TODO
if [[ $(event .issue.state) == closed ]]; then
  list=$DONE
elif [[ $action == assigned ]]; then
  list=$DOING
fi

if [[ -z $card ]]; then
  write POST cards --data idList="$list" --data pos=bottom
elif [[ $action == edited ]]; then
  write PUT "cards/$card"
elif [[ $action != opened ]]; then
  trello PUT "cards/$card" --data idList="$list" --data closed=false --output /dev/null
fi
