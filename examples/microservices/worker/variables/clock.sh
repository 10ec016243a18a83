date '+%H:%M:%S'
