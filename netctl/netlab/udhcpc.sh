#!/bin/sh
# Run by a guest's udhcpc: $1 is the event, the lease is in the environment.
# LAB_RESOLV and LAB_LEASE are the files to write.
# shellcheck disable=SC2154 # udhcpc sets them
set -eu

case "$1" in
deconfig)
	ip -4 address flush dev "$interface"
	ip link set "$interface" up
	rm -f "$LAB_LEASE" # says that the rest is done
	;;
bound | renew)
	ip address replace "$ip/$mask" broadcast + dev "$interface"
	ip route replace default via "${router%% *}" dev "$interface"
	# In place: the file is a mount in the guest's processes.
	for server in $dns; do
		echo "nameserver $server"
	done >"$LAB_RESOLV"
	{
		echo "ip=$ip"
		echo "mask=$mask"
		echo "router=$router"
		echo "dns=$dns"
		echo "lease=$lease"
		echo "serverid=${serverid:-}"
		echo "domain=${domain:-}"
	} >"$LAB_LEASE.new"
	mv "$LAB_LEASE.new" "$LAB_LEASE"
	;;
esac
