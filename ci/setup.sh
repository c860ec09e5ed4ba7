#!/bin/sh
# Installs what a make target needs, says what it installs, and does nothing the second time.
#   ci/setup.sh GROUP...     groups: run, ftp (see ci/packages/)
set -eu
cd "$(dirname "$0")/.."
stamps=node_modules/.encrocam

say() { printf '%s\n' "setup: $*"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else
    say "this needs root: run '$*' as root, or install sudo" >&2
    exit 1
  fi
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
  command -v apt-get >/dev/null 2>&1 || {
    say "apt-get is not here: EncroCam's set-up is for Debian, Ubuntu and their relatives. Needed: $missing" >&2
    exit 1
  }
  say "installing from apt: $missing"
  # Lists may be missing or name versions that are gone: refresh them once, then try again.
  # shellcheck disable=SC2086
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"$log" 2>&1; then
    as_root apt-get update -qq >>"$log" 2>&1 || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >>"$log" 2>&1 || {
      tail -20 "$log" >&2
      say "apt-get could not install: $missing (the whole log: $log)" >&2
      exit 1
    }
  fi
}

mkdir -p build
log=build/setup.log

packages=
for group in "$@"; do
  list=ci/packages/$group
  [ -f "$list" ] || { say "no such group: $group (there are: $(ls ci/packages | tr '\n' ' '))" >&2; exit 1; }
  packages="$packages $(sed 's/#.*//' "$list" | tr '\n' ' ')"
done
# npm comes with Node.js where that was installed by other means; Debian has it as a package of its own.
command -v npm >/dev/null 2>&1 || packages="$packages npm"
# shellcheck disable=SC2086
apt_install $packages

# The stamp names the lock file's content: another lock file, or an install that was cut off, installs again.
lock=$(sha256sum package.json package-lock.json .npmrc | sha256sum | cut -c1-16)
if [ ! -e "$stamps/$lock" ]; then
  say "installing from npm: what package-lock.json pins (Node.js 24 among it)"
  rm -rf node_modules
  npm ci --loglevel=error >"$log" 2>&1 || {
    tail -20 "$log" >&2
    say "npm ci failed (the whole log: $log)" >&2
    exit 1
  }
  mkdir -p "$stamps"
  : >"$stamps/$lock"
fi
