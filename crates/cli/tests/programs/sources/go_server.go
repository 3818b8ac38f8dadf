// An echo over TCP (a goroutine each) and over UDP, and a page over HTTP.
package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
)

func main() {
	tcp, err := net.Listen("tcp4", ":7000")
	check(err)
	go func() {
		for {
			stream, err := tcp.Accept()
			check(err)
			go func() {
				io.Copy(stream, stream)
				stream.Close()
			}()
		}
	}()
	udp, err := net.ListenPacket("udp4", ":7001")
	check(err)
	go func() {
		buffer := make([]byte, 65536)
		for {
			n, peer, err := udp.ReadFrom(buffer)
			check(err)
			udp.WriteTo(buffer[:n], peer)
		}
	}()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Write(bytes.Repeat([]byte("page"), 250000))
	})
	check(http.ListenAndServe(":8000", nil))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
