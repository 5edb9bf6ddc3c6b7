package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServeShowsTheRegister serves a warehouse and reads its public register.
func TestServeShowsTheRegister(t *testing.T) {
	t.Parallel()
	home := homeAt(t, peopled)
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p := spawn(t, "", home, "serve", "--listen", address)
	var page string
	for range 1000 {
		response, err := http.Get("http://" + address + "/register")
		if err == nil {
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			page = string(text)
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !strings.Contains(page, "Register of projects") {
		t.Errorf("the register says %q", page)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if o := p.end(); o.code != exitOK {
		t.Fatal(o)
	}
	refused(t, exitError, "under which address", home, "serve", "--listen", "0.0.0.0:0")
}
