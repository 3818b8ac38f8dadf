# What curl asks of a web server: files of several sizes, one after the other and ten at once.
# A server has /file, 3 MB of noise, and /word, $SHARED/words.

fetch_files() {
  listening "$1"
  noise 3000000 expected
  step "fetch a file"
  curl -sSf -o got "http://$SERVER:$1/file"; cmp got expected
  step "ten at once"
  curl -sSf --parallel --parallel-immediate --parallel-max 10 -o 'many#1' "http://$SERVER:$1/file?[1-10]"
  local file
  for file in many*; do cmp "$file" expected; done
}

fetch_absent() {
  step "status 404"
  [ "$(curl -s -o page -w '%{http_code}' "http://$SERVER:$1/absent")" = 404 ]
}

# Also by one connection, and in part.
fetch_page() {
  fetch_files "$1"
  step "one connection for twenty requests"
  curl -sSf -o 'page#1' "http://$SERVER:$1/word?[1-20]"
  local file
  for file in page*; do cmp "$file" "$SHARED/words"; done
  step "part of a file"
  curl -sSf -r 1000000-1999999 -o part "http://$SERVER:$1/file"
  [ "$(wc -c <part)" = 1000000 ]; cmp -n 1000000 part expected 0 1000000
}
