# The story in English. Every key and every placeholder stands in the other languages' files too.

heading-socket = The socket: memory for control information
heading-name = The name: asked for over UDP
heading-neighbour = The neighbour: from IP address to MAC address, by ARP
heading-connection = The connection: both sides exchange control information
heading-data = The data: one segment through every layer
heading-end = The end of the connection
heading-sum = The transfer in sum
heading-echo = The echo: ICMP

socket-made = socket(): the program asks the protocol stack for a { $protocol } socket. The stack takes { $memory ->
        [one] one byte
       *[other] { $memory } bytes
    } of memory for it, writes the initial state into it ({ $state }) and hands back descriptor { $socket }. From now on the program talks to the stack through that descriptor.
socket-made-stateless = socket(): the program asks the protocol stack for a { $protocol } socket. The stack takes { $memory ->
        [one] one byte
       *[other] { $memory } bytes
    } of memory for it and hands back descriptor { $socket }. It has no state: each datagram stands alone.
socket-buffers = send buffer: { $sent } of up to { $sendmax }, receive buffer: { $received } of up to { $receivemax }; their memory is taken at the first byte.

amount-bytes = { $bytes ->
        [one] 1 byte
       *[other] { $bytes } bytes
    }

call-bind = bind(): descriptor { $socket } gets the endpoint { $endpoint }.
call-listen = listen(): from now on descriptor { $socket } waits for clients. It does not know any yet.
call-connect = connect(): the program passes descriptor { $socket } and the server's address and port, { $endpoint }. The stack chooses the client's own port and begins to exchange control information.
call-connect-datagram = connect(): what descriptor { $socket } sends goes to { $endpoint }, and it hears nobody else. Nothing is sent for this.
call-accept = accept(): the program gets descriptor { $socket } for the connection with { $endpoint }.
call-send = send(): { $bytes ->
        [one] one byte goes
       *[other] { $bytes } bytes go
    } from the program into the send queue of descriptor { $socket }.
call-recv = recv(): { $bytes ->
        [one] one byte goes
       *[other] { $bytes } bytes go
    } from the receive queue of descriptor { $socket } to the program.
call-shutdown = shutdown(): the program will neither send nor receive any more through descriptor { $socket }.
call-shutdown-write = shutdown(): the program will send nothing more through descriptor { $socket }.
call-shutdown-read = shutdown(): the program will receive nothing more through descriptor { $socket }.
call-close = close(): descriptor { $socket } ends here. What TCP still has to do, it does without it.
call-close-datagram = close(): descriptor { $socket } ends here, and its memory is given back.
call-other = { $call }() on descriptor { $socket }.
call-failed = The call fails: { $error }

lookup-found = The resolver has its answer: { $name } is { $addresses }, says { $server } over { $protocol }.
lookup-failed = The resolver has no address for { $name } from { $server } over { $protocol }: { $error }

arp-request-sent = ARP to everyone on the LAN: who has { $target }? Tell { $sender } at { $sendermac }.
arp-request-received = ARP from { $sender } at { $sendermac }: who has { $target }?
arp-reply-sent = ARP to { $target } at { $targetmac }: { $sender } is at { $sendermac }.
arp-reply-received = ARP answers: { $sender } is at { $sendermac }. Packets that waited for it can go.
arp-announcement-sent = ARP to everyone on the LAN: { $sender } is at { $sendermac }, this is my address.
arp-announcement-received = ARP from { $sendermac }: { $sender } is its address.
arp-probe-sent = ARP to everyone on the LAN: does anyone use { $target }?
arp-probe-received = ARP from { $sendermac }: does anyone use { $target }?

datagram-sent = A UDP datagram leaves, { $bytes ->
        [one] one byte
       *[other] { $bytes } bytes
    } of data:
datagram-received = A UDP datagram arrives, { $bytes ->
        [one] one byte
       *[other] { $bytes } bytes
    } of data:
dns-message = DNS: { $dns }

icmp-sent = An ICMP message goes from { $from } to { $to }: { $message }
icmp-received = An ICMP message from { $from } to { $to } arrives: { $message }

segment-syn-sent = A SYN leaves: it asks for a connection and says with which sequence number this side begins, { $seq }.
segment-syn-received = A SYN arrives: { $from } asks for a connection and begins with sequence number { $seq }.
segment-synack-sent = SYN and ACK leave: this side agrees, and begins with sequence number { $seq }.
segment-synack-received = SYN and ACK arrive: { $from } agrees, and begins with sequence number { $seq }.
segment-ack-sent = An ACK leaves: everything before { $ack } has arrived here.
segment-ack-received = An ACK arrives: everything before { $ack } has arrived at { $from }.
segment-data-sent = Data leaves, { $bytes ->
        [one] one byte
       *[other] { $bytes } bytes
    }.
segment-data-received = Data arrives, { $bytes ->
        [one] one byte
       *[other] { $bytes } bytes
    }.
segment-fin-sent = A FIN leaves: this side will send nothing more.
segment-fin-received = A FIN arrives: { $from } will send nothing more.
segment-rst-sent = A RST leaves: there is no such connection here, or it is broken off.
segment-rst-received = A RST arrives: { $from } knows no such connection, or breaks it off.

found-connection = Its two endpoints lead to the connection of descriptor { $socket }, in state { $state }.
found-record = Its two endpoints lead to a connection that no descriptor leads to (not yet, or not any more), in state { $state }.
found-listener = No connection has these two endpoints; the port leads to descriptor { $socket }, which listens.
found-socket = Its port leads to descriptor { $socket }.
found-nobody = It finds no socket.
sent-by = It is sent for descriptor { $socket }, in state { $state }.
sent-by-record = It is sent for a connection that no descriptor leads to, in state { $state }.
sent-by-socket = It is sent for descriptor { $socket }.
sent-by-nobody = It is sent for no socket: the stack answers by itself.

changes = control information:
nothing = none

server-learns = From this segment the server's side learns who its client is: { $remote }. The two endpoints { $remote } and { $local } are the connection's name from now on. Another port of the same client would make another connection.
established = The exchange of control information is done here: { $local } and { $remote } can both send and receive.
timed-out = A timer of the connection between { $local } and { $remote } has run out.

layers-down = The first data goes down, layer by layer:
layers-up = The first data comes up, layer by layer:
layer-socket-down = socket       { $data ->
        [one] one byte
       *[other] { $data } bytes
    } of data from the send queue of descriptor { $socket }
layer-record-down = socket       { $data ->
        [one] one byte
       *[other] { $data } bytes
    } of data from the send queue of a connection that no descriptor leads to any more
layer-tcp-down = TCP          + { $header } bytes of header: { $words }
layer-ip-down = IP           + { $header } bytes of header: { $words }
layer-frame-down = frame        + { $header } bytes of header: { $words }
layer-driver-down = LAN driver   + 0 bytes: { $driver } takes { $total } bytes at interface { $interface }
layer-adapter-down = LAN adapter  + 0 bytes: { $total } bytes go onto the cable as signals
layer-adapter-up = LAN adapter  { $total } bytes have come from the cable as signals
layer-driver-up = LAN driver   − 0 bytes: { $driver } hands over { $total } bytes at interface { $interface }
layer-frame-up = frame        − { $header } bytes of header: { $words }
layer-ip-up = IP           − { $header } bytes of header: { $words }
layer-tcp-up = TCP          − { $header } bytes of header: { $words }
layer-socket-up = socket       { $data ->
        [one] one byte
       *[other] { $data } bytes
    } of data into the receive queue of descriptor { $socket }
layer-record-up = socket       { $data ->
        [one] one byte
       *[other] { $data } bytes
    } of data into the receive queue of a connection that no descriptor leads to yet
layer-cut = On a wire it is several frames, each with at most { $size } bytes of data: the driver cuts it.
layer-checksum = The stack left TCP's checksum to the driver.

sum-bytes = { $local } to { $remote }: { $sent } bytes of data sent and { $acked } acknowledged, { $received } received.
sum-segments = { $out } segments sent, { $in } received, { $again } sent again; { $time } from the first to the last; round trip { $rtt }.
sum-state = The control information is left in state { $state }.
sum-time-wait = The control information is left in state TIME-WAIT: it outlives late segments. The program does not wait for it.
