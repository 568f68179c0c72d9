#!/usr/bin/env bash
# Runs a command confined as the compose files' containers are, without Docker: a root file system that is read-only,
# a /tmp of its own, a user of its own, no capabilities and no way to gain any. Needs root, for a moment. The network
# is the machine's.
#
#   confined.sh ROOT USER:GROUP [SOURCE:TARGET:rw|ro]... -- COMMAND [ARGUMENT]...
set -euo pipefail

if [[ ${MILLRACE_CONFINED:-} != inside ]]; then
  # Mounts of a namespace of its own: they end with the command.
  exec env MILLRACE_CONFINED=inside unshare --mount --propagation private -- "$0" "$@"
fi
unset MILLRACE_CONFINED

image=$1 user=$2
shift 2

# An overlay, so that mount points can be made without a trace in ROOT.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$image,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
root=/mnt/root
mkdir -p "$root/proc" "$root/dev" "$root/tmp"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec tmpfs "$root/tmp"

while [[ $1 != -- ]]; do
  IFS=: read -r source target mode <<<"$1"
  if [[ -d $source ]]; then
    mkdir -p "$root$target"
  else
    mkdir -p "$(dirname "$root$target")"
    touch "$root$target"
  fi
  mount --bind "$source" "$root$target"
  [[ $mode != ro ]] || mount -o remount,bind,ro "$root$target"
  shift
done
shift
mount -o remount,ro "$root"

# Leaving uid 0 gives up every capability, and no-new-privs keeps them away.
exec setpriv --no-new-privs chroot --userspec="$user" --groups="${user#*:}" "$root" "$@"
