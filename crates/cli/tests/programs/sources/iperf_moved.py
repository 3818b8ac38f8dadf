"""Whether iperf3 says that so many bytes arrived in every direction."""
import json, sys

end = json.load(open(sys.argv[1]))["end"]
keys = ["sum_received", "sum_received_bidir_reverse"] if "sum_received_bidir_reverse" in end else ["sum_received"]
for key in keys:
    # Of datagrams, some may be lost.
    arrived = end[key]["bytes"] if key in end else end["sum"]["bytes"] * (1 - end["sum"]["lost_percent"] / 100)
    print(key, arrived)
    assert arrived >= int(sys.argv[2]), (key, arrived)
