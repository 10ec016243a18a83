read -r minute _ < /proc/loadavg
echo "$minute"
