// Fifty clients at once over TCP, datagrams, pages over HTTP, errors; with a busy goroutine beside
// them, which the runtime interrupts with signals.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

func main() {
	server := os.Args[1]
	go func() {
		for n := 0; ; n++ {
			_ = n
		}
	}()
	var all sync.WaitGroup
	for n := 0; n < 50; n++ {
		all.Add(1)
		go func(n int) {
			defer all.Done()
			echo(server, n)
		}(n)
	}
	all.Wait()
	datagrams(server)
	for n := 0; n < 10; n++ {
		answer, err := http.Get("http://" + server + ":8000/")
		check(err)
		page, err := io.ReadAll(answer.Body)
		check(err)
		answer.Body.Close()
		if !bytes.Equal(page, bytes.Repeat([]byte("page"), 250000)) {
			panic("another page")
		}
	}
	_, err := net.Dial("tcp4", server+":7099")
	if !errors.Is(err, syscall.ECONNREFUSED) {
		panic(fmt.Sprint("not refused: ", err))
	}
	timeout(server)
}

func echo(server string, n int) {
	stream, err := net.Dial("tcp4", server+":7000")
	check(err)
	data := bytes.Repeat([]byte{byte(n)}, 100000)
	go func() {
		stream.Write(data)
		stream.(*net.TCPConn).CloseWrite()
	}()
	back, err := io.ReadAll(stream)
	check(err)
	if !bytes.Equal(back, data) {
		panic("another echo")
	}
	stream.Close()
}

func datagrams(server string) {
	socket, err := net.Dial("udp4", server+":7001")
	check(err)
	answered := 0
	for n := 0; n < 30 && answered < 10; n++ { // a datagram may be lost
		socket.Write([]byte(fmt.Sprint("datagram ", n)))
		socket.SetReadDeadline(time.Now().Add(2 * time.Second))
		buffer := make([]byte, 100)
		if _, err := socket.Read(buffer); err == nil {
			answered++
		}
	}
	if answered < 10 {
		panic("no answers over UDP")
	}
}

// Nothing comes on a connection that says nothing.
func timeout(server string) {
	stream, err := net.Dial("tcp4", server+":7000")
	check(err)
	stream.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	_, err = stream.Read(make([]byte, 1))
	if late, is := err.(net.Error); !is || !late.Timeout() {
		panic(fmt.Sprint("not timed out: ", err))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
