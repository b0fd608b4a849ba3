#!/usr/bin/env bash
# The README's two commands on a bare Debian, as a new user meets it: an own root file system with git, Node and the README's
# apt line and nothing else, caches that are empty, a clone of what is committed here.
#
#   sudo scripts/fresh-machine.sh            four runs of `npm run quickstart` and `npm test`: as root and as an ordinary
#                                            user, bare and with everything optional installed; about 15 minutes each
#   sudo scripts/fresh-machine.sh RUN…       only these of: root-bare user-bare root-all user-all
#   sudo scripts/fresh-machine.sh --quick    one bare run as a user: the quickstart, and the tests whose result depends on
#                                            the machine; the last line is that of the tests (.ci/run reads it)
#   --keep                                   leave the root, and print where it is
#
# Needs: Linux, root, mmdebstrap (apt-get install mmdebstrap), npm (it brings Node 20.19), a network, 12 GB in TMPDIR.
# Proxies, mirrors and certificates that the machine's apt, npm and pip are set up with hold in the root too.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
NODE=20.19.5
NPM=10.8.2
ALL_RUNS=(root-bare user-bare root-all user-all)
# What tests try where it is there. With the README's optional libraries it is everything.
OPTIONAL=(ffmpeg chromium postgresql prometheus clang-format)
MACHINE_TESTS=(services/web services/dashboards services/postgres services/hostile unit/setup unit/addonCache unit/load
  unit/open-audio native/load native/lifetime native/runtime native/decoder native/audio native/test)

quick=false keep=false runs=()
for word in "$@"; do
  case $word in
    --quick) quick=true ;;
    --keep) keep=true ;;
    root-bare | user-bare | root-all | user-all) runs+=("$word") ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit 2 ;;
  esac
done
[ ${#runs[@]} -gt 0 ] || runs=("${ALL_RUNS[@]}")

cannot() {
  echo "- a bare machine: skipped: $1"
  if $quick; then echo '0 passed, 0 failed, 1 skipped'; exit 0; fi
  exit 1
}
[ "$(id -u)" = 0 ] || cannot 'only root can make a root file system'
command -v mmdebstrap >/dev/null || cannot 'there is no mmdebstrap (apt-get install -y mmdebstrap)'
command -v npm >/dev/null || cannot 'there is no npm'
# Mounts and processes of its own, which are gone when it ends, however it ends.
if [ "${AUTOBIRD_OWN_SPACE:-}" = "" ]; then
  unshare --mount --pid --fork --mount-proc true 2>/dev/null || cannot 'this machine gives it no mounts of its own (a container?)'
  AUTOBIRD_OWN_SPACE=yes exec unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/autobird-fresh-XXXXXX")
root=$work/root
end() {
  umount --recursive "$root/proc" "$root/sys" "$root/dev" 2>/dev/null || true
  if $keep; then echo "the root is $root"; else rm --one-file-system -rf "$work"; fi
}
trap end EXIT

# The README's line of apt packages; the optional ones are its end.
line=$(sed -n 's/^sudo apt-get install -y \(build-essential .*\)$/\1/p' "$here/README.md" | head -n 1)
needed=${line%% libav*}
[ "$needed" != "$line" ] || { echo "README.md has no apt line that ends in FFmpeg's libraries"; exit 1; }

make_root() {
  local suite=bookworm mirror=()
  # A Debian is made from the sources that it uses itself.
  if grep -q '^ID=debian' /etc/os-release; then
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
      if [ -s "$file" ]; then mirror=("$file"); break; fi
    done
  fi
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,git "$suite" "$root" "${mirror[@]}" 2>"$work/mmdebstrap.log" ||
    cannot "mmdebstrap: $(tail -n 1 "$work/mmdebstrap.log")"
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  # No server of a package starts: the network is the machine's, and tests start their own.
  install -m 755 /dev/stdin "$root/usr/sbin/policy-rc.d" <<<$'#!/bin/sh\nexit 101'
  chroot "$root" useradd --create-home bird
  take_settings
  take_node
}

# Files and folders that settings name (certificates, wheels) are there too, under the same paths.
take_settings() {
  local file path
  cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
  chroot "$root" update-ca-certificates >/dev/null 2>&1
  for file in $(grep -lE 'Proxy|CaInfo' /etc/apt/apt.conf.d/* 2>/dev/null) /etc/pip.conf; do
    if [ -f "$file" ]; then install -D -m 644 "$file" "$root$file"; fi
  done
  for file in .npmrc .config/pip/pip.conf .pip/pip.conf; do
    if [ -f "$HOME/$file" ]; then
      install -D -m 600 "$HOME/$file" "$root/root/$file"
      install -D -m 600 "$HOME/$file" "$root/home/bird/$file"
    fi
  done
  chroot "$root" chown -R bird:bird /home/bird
  settings=()
  while IFS= read -r file; do settings+=("$file"); done < <(env | grep -E '^(npm_config_registry|npm_config_cafile|PIP_[A-Z_]+|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_[A-Z]+|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)=')
  for path in $( (printf '%s\n' "${settings[@]}"; cat "$HOME/.npmrc" /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf" 2>/dev/null) |
    grep -oE '= *(file://)?/[^ ]+' | sed -E 's#^= *(file://)?##'); do
    if [ -f "$path" ]; then install -D -m 644 "$path" "$root$path"; fi
    if [ -d "$path" ] && [ ! -e "$root$path" ]; then mkdir -p "$(dirname "$root$path")" && cp -rL "$path" "$root$path"; fi
  done
}

# From npm's registry, whose packages `node-linux-*` are the official builds. npm is the one that came with that Node.
take_node() {
  local arch=x64
  [ "$(uname -m)" = aarch64 ] && arch=arm64
  (cd "$work" && npm pack --silent "node-linux-$arch@$NODE" "npm@$NPM" >/dev/null)
  mkdir -p "$root/usr/local/lib/node_modules/npm"
  tar -xzf "$work/node-linux-$arch-$NODE.tgz" -C "$root/usr/local" --strip-components=1 package/bin package/include
  tar -xzf "$work/npm-$NPM.tgz" -C "$root/usr/local/lib/node_modules/npm" --strip-components=1
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  chmod +x "$root/usr/local/lib/node_modules/npm/bin/"*.js
}

install_packages() {
  chroot "$root" env -i PATH="$PATH" DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq && apt-get install -y -qq "$@"' sh "$@" \
    </dev/null >"$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log"; exit 1; }
}

# `as USER COMMAND`: in a shell of theirs, in their home, with nothing of this shell but the settings above.
as() {
  local home=/root
  [ "$1" = root ] || home=/home/$1
  chroot --userspec="$1" --groups= "$root" env -i HOME="$home" USER="$1" LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin \
    "${settings[@]}" sh -c "cd && $2" </dev/null
}

# A new clone, empty caches.
start_over() {
  local home=/root
  [ "$1" = root ] || home=/home/$1
  rm -rf "$root$home/autobird" "$root$home/.cache" "$root$home/.npm" "$root/tmp/from"
  git clone -q --bare --depth 1 "file://$here" "$root/tmp/from"
  chroot "$root" chown -R "$1" /tmp/from
  as "$1" 'git clone -q /tmp/from autobird'
}

failed=0
# Runs a command of a user in the clone and prints it, what it ends in and how long it took; all it prints is kept in a file.
shown() {
  local user=$1 command=$2 begun=$SECONDS status=0
  echo "[$user]\$ $command"
  as "$user" "cd autobird && $command" 2>&1 | tee "$work/log" | sed -u 's/^/    /' || status=$?
  took=$((SECONDS - begun))
  if [ "$status" -ne 0 ]; then failed=$((failed + 1)); fi
}

begun=$SECONDS
make_root
install_packages $needed
echo "a bare $(. "$root/etc/os-release" && echo "$PRETTY_NAME") with Node $NODE and $needed, in $((SECONDS - begun)) s"

if $quick; then
  start_over bird
  shown bird 'npm run quickstart'
  shown bird "npm test -- ${MACHINE_TESTS[*]}"
  counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/log" | tail -n 1)
  echo "${counts:-0 passed, 1 failed}"
  [ "$failed" -eq 0 ]
  exit
fi

table=()
all_installed=false
for run in "${runs[@]}"; do
  user=${run%-*}
  [ "$user" = root ] || user=bird
  if [[ $run == *-all ]] && ! $all_installed; then
    begun=$SECONDS
    install_packages $line "${OPTIONAL[@]}"
    all_installed=true
    echo "everything optional installed in $((SECONDS - begun)) s"
  fi
  start_over "$user"
  for command in 'npm run quickstart' 'npm test'; do
    shown "$user" "$command"
    table+=("$(printf '%-10s %-20s %5d s  %s' "$run" "$command" "$took" "$(grep -v '^$' "$work/log" | tail -n 1)")")
  done
done
printf '%s\n' '' "${table[@]}"
[ "$failed" -eq 0 ]
