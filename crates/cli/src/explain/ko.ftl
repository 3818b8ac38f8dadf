# 한국어로 들려주는 이야기. 모든 키와 자리표시자는 다른 언어의 파일에도 똑같이 있다.

heading-socket = 소켓: 제어 정보를 담는 메모리
heading-name = 이름: UDP로 묻기
heading-neighbour = 이웃: ARP로 IP 주소에서 MAC 주소 알아내기
heading-connection = 접속: 양쪽이 제어 정보를 주고받기
heading-data = 데이터: 세그먼트 하나가 모든 계층을 지나가기
heading-end = 접속의 끝
heading-sum = 전송의 합계
heading-echo = 에코: ICMP

socket-made = socket(): 프로그램이 프로토콜 스택에 { $protocol } 소켓을 요청합니다. 스택은 소켓 하나에 필요한 메모리 { $memory }바이트를 확보하고, 거기에 초기 상태({ $state })를 기록한 뒤, 디스크립터 { $socket }번을 돌려줍니다. 이제부터 프로그램은 이 디스크립터로 스택에 말을 겁니다.
socket-made-stateless = socket(): 프로그램이 프로토콜 스택에 { $protocol } 소켓을 요청합니다. 스택은 소켓 하나에 필요한 메모리 { $memory }바이트를 확보하고, 디스크립터 { $socket }번을 돌려줍니다. 상태는 없습니다. 데이터그램은 하나하나가 따로입니다.
socket-buffers = 송신 버퍼: 최대 { $sendmax } 가운데 { $sent }, 수신 버퍼: 최대 { $receivemax } 가운데 { $received }. 버퍼의 메모리는 첫 바이트가 올 때 확보합니다.

amount-bytes = { $bytes }바이트

call-bind = bind(): 디스크립터 { $socket }번에 엔드포인트 { $endpoint } 할당.
call-listen = listen(): 이제부터 디스크립터 { $socket }번은 클라이언트를 기다립니다. 아직 아는 클라이언트는 없습니다.
call-connect = connect(): 프로그램이 디스크립터 { $socket }번과 함께 서버의 주소와 포트 번호 { $endpoint }번을 건넵니다. 클라이언트 쪽 포트는 스택이 고르고, 제어 정보를 주고받기 시작합니다.
call-connect-datagram = connect(): 이제 디스크립터 { $socket }번이 보내는 것은 { $endpoint }번으로 가고, 다른 곳에서 온 것은 받지 않습니다. 이 일로 나가는 패킷은 없습니다.
call-accept = accept(): 프로그램이 { $endpoint }번과의 접속을 디스크립터 { $socket }번으로 받습니다.
call-send = send(): 프로그램의 데이터 { $bytes }바이트가 디스크립터 { $socket }번의 송신 큐로 들어갑니다.
call-recv = recv(): 디스크립터 { $socket }번의 수신 큐에서 { $bytes }바이트가 프로그램으로 넘어갑니다.
call-shutdown = shutdown(): 프로그램은 디스크립터 { $socket }번으로 더는 보내지도 받지도 않습니다.
call-shutdown-write = shutdown(): 프로그램은 디스크립터 { $socket }번으로 더는 보내지 않습니다.
call-shutdown-read = shutdown(): 프로그램은 디스크립터 { $socket }번으로 더는 받지 않습니다.
call-close = close(): 디스크립터 { $socket }번은 여기서 끝납니다. TCP에 남은 일은 디스크립터 없이 마저 합니다.
call-close-datagram = close(): 디스크립터 { $socket }번은 여기서 끝나고, 메모리를 돌려줍니다.
call-other = 디스크립터 { $socket }번에 대한 { $call }() 호출.
call-failed = 호출 실패: { $error }

lookup-found = 리졸버가 답을 얻었습니다. { $server }번 서버가 { $protocol } 응답으로 알려 준 { $name }의 주소: { $addresses }
lookup-failed = 리졸버가 { $server }번 서버에 { $protocol } 질의를 보냈지만 { $name }의 주소를 얻지 못했습니다: { $error }

arp-request-sent = LAN 전체에 보내는 ARP: { $target } 주소를 가진 분? { $sendermac }에 있는 { $sender }에게 알려 주세요.
arp-request-received = { $sendermac }에 있는 { $sender }에게서 온 ARP: { $target } 주소를 가진 분?
arp-reply-sent = { $targetmac }에 있는 { $target }에게 보내는 ARP: { $sender }의 MAC 주소는 { $sendermac }입니다.
arp-reply-received = ARP 응답: { $sender }의 MAC 주소는 { $sendermac }입니다. 이 주소를 기다리던 패킷이 나갈 수 있습니다.
arp-announcement-sent = LAN 전체에 보내는 ARP: { $sender }의 MAC 주소는 { $sendermac }, 제 주소입니다.
arp-announcement-received = { $sendermac }에서 온 ARP: { $sender }, 자기 주소라고 알립니다.
arp-probe-sent = LAN 전체에 보내는 ARP: { $target } 주소를 쓰는 분이 있나요?
arp-probe-received = { $sendermac }에서 온 ARP: { $target } 주소를 쓰는 분이 있나요?

datagram-sent = UDP 데이터그램이 나갑니다. 데이터 { $bytes }바이트:
datagram-received = UDP 데이터그램이 도착합니다. 데이터 { $bytes }바이트:
dns-message = DNS: { $dns }

icmp-sent = ICMP 메시지가 { $from }에서 { $to }에게 나갑니다: { $message }
icmp-received = { $from }에서 { $to }에게 보낸 ICMP 메시지가 도착합니다: { $message }

segment-syn-sent = SYN이 나갑니다. 접속을 요청하면서 이쪽의 첫 시퀀스 번호 { $seq }번을 알립니다.
segment-syn-received = SYN이 도착합니다. { $from }번이 접속을 요청하고, 시퀀스 번호 { $seq }번부터 시작합니다.
segment-synack-sent = SYN과 ACK가 나갑니다. 이쪽도 동의하고, 시퀀스 번호 { $seq }번부터 시작합니다.
segment-synack-received = SYN과 ACK가 도착합니다. { $from }번도 동의하고, 시퀀스 번호 { $seq }번부터 시작합니다.
segment-ack-sent = ACK가 나갑니다. { $ack }번 앞까지는 모두 여기에 도착했습니다.
segment-ack-received = ACK가 도착합니다. { $ack }번 앞까지는 모두 { $from }번에 도착했습니다.
segment-data-sent = 데이터 { $bytes }바이트가 나갑니다.
segment-data-received = 데이터 { $bytes }바이트가 도착합니다.
segment-fin-sent = FIN이 나갑니다. 이쪽은 더 보낼 것이 없습니다.
segment-fin-received = FIN이 도착합니다. { $from }번은 더 보낼 것이 없습니다.
segment-rst-sent = RST가 나갑니다. 그런 접속이 여기에 없거나, 접속을 끊습니다.
segment-rst-received = RST가 도착합니다. { $from }번은 그런 접속을 모르거나, 접속을 끊습니다.

found-connection = 두 엔드포인트로 찾은 접속: 디스크립터 { $socket }번, 상태 { $state }.
found-record = 두 엔드포인트로 찾은 접속: 디스크립터가 (아직 또는 이제는) 없음, 상태 { $state }.
found-listener = 이 두 엔드포인트의 접속은 없습니다. 포트 번호로 찾은 것은 접속을 기다리는 디스크립터 { $socket }번입니다.
found-socket = 포트 번호로 찾은 소켓: 디스크립터 { $socket }번.
found-nobody = 해당하는 소켓이 없습니다.
sent-by = 보내는 소켓: 디스크립터 { $socket }번, 상태 { $state }.
sent-by-record = 디스크립터가 없는 접속이 보냅니다. 상태 { $state }.
sent-by-socket = 보내는 소켓: 디스크립터 { $socket }번.
sent-by-nobody = 소켓 없이 스택이 스스로 답합니다.

changes = 제어 정보:
nothing = 없음

server-learns = 이 세그먼트로 서버 쪽은 클라이언트가 누구인지 알게 됩니다: { $remote }번. 이제부터 두 엔드포인트 { $remote }번과 { $local }번이 이 접속의 이름입니다. 같은 클라이언트라도 포트가 다르면 다른 접속입니다.
established = 이쪽의 제어 정보 교환이 끝났습니다. { $local }번과 { $remote }번은 서로 보내고 받을 수 있습니다.
timed-out = { $local }번과 { $remote }번 사이 접속의 타이머가 다 되었습니다.

layers-down = 첫 데이터가 계층을 하나씩 내려갑니다:
layers-up = 첫 데이터가 계층을 하나씩 올라갑니다:
layer-socket-down = 소켓         디스크립터 { $socket }번의 송신 큐에서 나온 데이터 { $data }바이트
layer-record-down = 소켓         디스크립터가 이제는 없는 접속의 송신 큐에서 나온 데이터 { $data }바이트
layer-tcp-down = TCP          + 헤더 { $header }바이트: { $words }
layer-ip-down = IP           + 헤더 { $header }바이트: { $words }
layer-frame-down = 프레임       + 헤더 { $header }바이트: { $words }
layer-driver-down = LAN 드라이버 + 0바이트: 인터페이스 { $interface }에서 { $driver } 드라이버가 { $total }바이트를 받음
layer-adapter-down = LAN 어댑터   + 0바이트: { $total }바이트가 신호가 되어 케이블로 나감
layer-adapter-up = LAN 어댑터   { $total }바이트가 신호로 케이블에서 들어옴
layer-driver-up = LAN 드라이버 − 0바이트: 인터페이스 { $interface }에서 { $driver } 드라이버가 { $total }바이트를 넘김
layer-frame-up = 프레임       − 헤더 { $header }바이트: { $words }
layer-ip-up = IP           − 헤더 { $header }바이트: { $words }
layer-tcp-up = TCP          − 헤더 { $header }바이트: { $words }
layer-socket-up = 소켓         디스크립터 { $socket }번의 수신 큐로 들어간 데이터 { $data }바이트
layer-record-up = 소켓         디스크립터가 아직 없는 접속의 수신 큐로 들어간 데이터 { $data }바이트
layer-cut = 전선 위에서는 데이터가 { $size }바이트 이하인 프레임 여러 개입니다. 드라이버가 잘라서 보냅니다.
layer-checksum = TCP 체크섬은 스택이 드라이버에 맡겼습니다.

sum-bytes = { $local }번에서 { $remote }번으로: 보낸 데이터 { $sent }바이트, 확인 응답을 받은 데이터 { $acked }바이트, 받은 데이터 { $received }바이트.
sum-segments = 보낸 세그먼트 { $out }개, 받은 세그먼트 { $in }개, 다시 보낸 세그먼트 { $again }개. 처음부터 끝까지 { $time }, 왕복 시간 { $rtt }.
sum-state = 제어 정보의 마지막 상태: { $state }.
sum-time-wait = 제어 정보의 마지막 상태: TIME-WAIT. 늦게 오는 세그먼트에 대비해 남아 있지만, 프로그램은 기다리지 않습니다.
