#!/bin/sh
# Kills a test server with all its sessions, and removes its directory, as soon as standard input ends: when the
# test says so or when the test's process is gone, however it went. $1 is the directory; `pid` in it names the server.
directory=$1
trap '' INT TERM HUP
cat >/dev/null
kill_tree() {
  # The server, its descendants, and what is in a session that one of them leads (orphans of a dead listener).
  for round in 1 2 3 4 5; do
    pids=$(ps -e -o pid= -o ppid= -o sid= -o stat= | awk -v root="$1" '
      { parent[$1] = $2; session[$1] = $3; state[$1] = $4 }
      END {
        mine[root] = 1
        do {
          grown = 0
          for (p in parent) if (!(p in mine) && ((parent[p] in mine) || (session[p] in mine))) { mine[p] = 1; grown = 1 }
        } while (grown)
        for (p in mine) if ((p in state) && state[p] !~ /^Z/) print p
      }')
    [ -n "$pids" ] || return 0
    kill -9 $pids 2>/dev/null
    sleep 0.02
  done
}
[ -f "$directory/pid" ] && kill_tree "$(cat "$directory/pid")"
[ -f "$directory/mounted" ] && umount -l "$directory/root" && rm "$directory/mounted"
# A test that was killed may have left directories from which nothing can be removed.
chattr -R -a "$directory/root" 2>/dev/null
case $directory in
  */encrocam-ftp-*) rm -rf "$directory" ;;
esac
