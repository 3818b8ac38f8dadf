// Go's net package, in a static binary that makes its system calls itself: errors as it words
// them, deadlines, half close, and many goroutines beside one that never yields.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const silent = "198.51.100.1:80"

var current string

// hidden has what differs from run to run, with the names it is printed by.
var hidden = map[string]string{}

func say(step string, values ...any) {
	text := strings.TrimSuffix(fmt.Sprintln(values...), "\n")
	for value, name := range hidden {
		text = strings.ReplaceAll(text, value, name)
	}
	fmt.Printf("dial.%s.%s: %s\n", current, step, text)
}

func listen() net.Listener {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		say("no listener", err)
		os.Exit(0)
	}
	hidden[port(l.Addr())] = ":listener"
	return l
}

func port(a net.Addr) string {
	return a.String()[strings.LastIndex(a.String(), ":"):]
}

func closed() string {
	l := listen()
	defer l.Close()
	return l.Addr().String()
}

func pair() (*net.TCPConn, *net.TCPConn) {
	l := listen()
	defer l.Close()
	one, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		say("no client", err)
		os.Exit(0)
	}
	hidden[port(one.LocalAddr())] = ":client"
	two, _ := l.Accept()
	return one.(*net.TCPConn), two.(*net.TCPConn)
}

func kind(err error) string {
	var number syscall.Errno
	var timeout net.Error
	switch {
	case err == nil:
		return "none"
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "time-out"
	}
	return err.Error()
}

func errorsOfDial() {
	_, err := net.Dial("tcp", closed())
	say("refused", err)
	say("is refused", errors.Is(err, syscall.ECONNREFUSED))
	_, err = net.DialTimeout("tcp", silent, 50*time.Millisecond)
	say("time-out", err)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = new(net.Dialer).DialContext(ctx, "tcp", silent)
	say("cancelled", err)
	_, err = net.Dial("tcp", "127.0.0.1:99999")
	say("no port", err)
	l := listen()
	_, err = net.Listen("tcp4", l.Addr().String())
	say("in use", err)
	_, err = net.Listen("tcp4", "192.0.2.77:0")
	say("not ours", err)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 77)}}
	_, err = d.Dial("tcp", l.Addr().String())
	say("source", err)
}

func names() {
	one, two := pair()
	say("client", one.LocalAddr(), one.RemoteAddr())
	say("server", two.LocalAddr(), two.RemoteAddr())
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		say("any", err)
		return
	}
	hidden[port(l.Addr())] = ":any"
	say("any", l.Addr())
	c, err := net.Dial("tcp", "127.0.0.1"+port(l.Addr()))
	if err != nil {
		say("dial", err)
		return
	}
	hidden[port(c.LocalAddr())] = ":another"
	s, _ := l.Accept()
	say("accepted", s.LocalAddr(), s.RemoteAddr())
}

func deadlines() {
	one, two := pair()
	defer two.Close()
	one.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	_, err := one.Read(make([]byte, 1))
	say("read", err)
	one.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	_, err = one.Write(make([]byte, 64<<20))
	say("write", err)
	l := listen().(*net.TCPListener)
	l.SetDeadline(time.Now().Add(30 * time.Millisecond))
	_, err = l.Accept()
	say("accept", err)
}

func halfClose() {
	one, two := pair()
	one.Write([]byte("request"))
	say("close", one.CloseWrite())
	got, err := io.ReadAll(two)
	say("two", string(got), err)
	two.Write([]byte("answer"))
	two.Close()
	got, err = io.ReadAll(one)
	say("one", string(got), err)
	_, err = one.Write([]byte("x"))
	say("write", err)
	one.Close()
	_, err = one.Write([]byte("x"))
	say("closed", err)
}

func resets() {
	one, two := pair()
	one.SetLinger(0)
	one.Close()
	_, err := two.Read(make([]byte, 1))
	say("read", err)
	_, err = two.Write([]byte("x"))
	say("write", kind(err))
	one, two = pair()
	done := make(chan error)
	go func() {
		_, err := two.Read(make([]byte, 1))
		done <- err
	}()
	one.SetLinger(0)
	one.Close()
	say("waiting", <-done)
}

func closeWakes() {
	one, two := pair()
	defer two.Close()
	done := make(chan error)
	go func() {
		_, err := one.Read(make([]byte, 1))
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	one.Close()
	say("read", <-done)
	l := listen()
	go func() {
		_, err := l.Accept()
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	l.Close()
	say("accept", <-done)
}

func options() {
	one, two := pair()
	defer two.Close()
	say("no delay", one.SetNoDelay(false))
	say("keep alive", one.SetKeepAlive(true), one.SetKeepAlivePeriod(30*time.Second))
	say("buffers", one.SetReadBuffer(100000), one.SetWriteBuffer(100000))
	say("linger", one.SetLinger(3))
	file, err := one.File()
	say("file", err)
	value, err := syscall.GetsockoptInt(int(file.Fd()), syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL)
	say("interval", value, err)
	value, err = syscall.GetsockoptInt(int(file.Fd()), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	say("receive buffer", value, err)
	again, err := net.FileConn(file)
	if err != nil {
		say("from file", err)
		return
	}
	say("from file", again.LocalAddr())
}

func manyGoroutines() {
	l := listen()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	// One that never yields, so that the runtime sends itself SIGURG.
	stop := make(chan struct{})
	var spins uint64
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				for i := 0; i < 1_000_000; i++ {
					spins++
				}
			}
		}
	}()
	var wait sync.WaitGroup
	var lock sync.Mutex
	good, bad := 0, map[string]int{}
	for i := 0; i < 100; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			text := bytes.Repeat([]byte{byte(i)}, 1000+i)
			c, err := net.Dial("tcp", l.Addr().String())
			if err == nil {
				c.Write(text)
				c.(*net.TCPConn).CloseWrite()
				var got []byte
				got, err = io.ReadAll(c)
				c.Close()
				if err == nil && !bytes.Equal(got, text) {
					err = errors.New("other bytes")
				}
			}
			lock.Lock()
			defer lock.Unlock()
			if err == nil {
				good++
			} else {
				bad[kind(err)]++
			}
		}(i)
	}
	wait.Wait()
	close(stop)
	l.Close()
	say("good", good, bad)
}

func web() {
	l := listen()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(body))
	})}
	go server.Serve(l)
	for _, size := range []int{0, 10, 300000} {
		answer, err := http.Post("http://"+l.Addr().String()+"/page", "text/plain", bytes.NewReader(make([]byte, size)))
		if err != nil {
			say("post", err)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		say("post", answer.Status, string(body), err)
	}
	say("shutdown", server.Shutdown(context.Background()))
	_, err := http.Get("http://" + l.Addr().String() + "/")
	say("then", kind(err))
}

func datagrams() {
	one, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		say("listen", err)
		return
	}
	hidden[port(one.LocalAddr())] = ":one"
	two, err := net.Dial("udp4", one.LocalAddr().String())
	if err != nil {
		say("dial", err)
		return
	}
	hidden[port(two.LocalAddr())] = ":two"
	say("names", two.LocalAddr(), two.RemoteAddr())
	two.Write([]byte("hello"))
	buffer := make([]byte, 100)
	n, from, err := one.ReadFrom(buffer)
	say("read", string(buffer[:n]), from, err)
	one.WriteTo([]byte("answer"), from)
	n, err = two.Read(buffer)
	say("answer", string(buffer[:n]), err)
	one.Close()
	two.Write([]byte("lost"))
	two.SetReadDeadline(time.Now().Add(4 * time.Second))
	_, err = two.Read(buffer)
	say("refused", err)
}

func sendFile() {
	one, two := pair()
	file, _ := os.CreateTemp("", "dial")
	os.Remove(file.Name())
	file.Write(bytes.Repeat([]byte("0123456789"), 50000))
	file.Seek(0, io.SeekStart)
	go func() {
		// sendfile(2), by way of ReadFrom.
		io.Copy(one, file)
		one.Close()
	}()
	got, err := io.ReadAll(two)
	say("got", len(got), bytes.Equal(got[:10], []byte("0123456789")), err)
	// splice(2), from socket to socket.
	one, two = pair()
	three, four := pair()
	go func() {
		io.Copy(three, two)
		three.Close()
	}()
	go func() {
		one.Write(bytes.Repeat([]byte("s"), 300000))
		one.Close()
	}()
	got, err = io.ReadAll(four)
	say("spliced", len(got), err)
}

func main() {
	cases := []struct {
		name string
		run  func()
	}{
		{"errors", errorsOfDial}, {"names", names}, {"deadlines", deadlines},
		{"half_close", halfClose}, {"resets", resets}, {"close_wakes", closeWakes},
		{"options", options}, {"many", manyGoroutines}, {"web", web},
		{"datagrams", datagrams}, {"send_file", sendFile},
	}
	for _, one := range cases {
		if len(os.Args) > 1 && os.Args[1] != one.name {
			continue
		}
		current = one.name
		done := make(chan struct{})
		go func() { one.run(); close(done) }()
		select {
		case <-done:
		case <-time.After(25 * time.Second):
			say("hangs", "after 25 s")
			os.Exit(0)
		}
	}
}
