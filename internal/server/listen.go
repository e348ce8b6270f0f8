package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listeners are the ports of a server, open before anything else is, so that a second server on the same ports fails
// before it has touched anything. Connections wait in the kernel's queue until the servers start.
type listeners struct {
	http        net.Listener
	grpc, admin net.Listener // nil: none
}

func listen(cfg Config) (*listeners, error) {
	l := new(listeners)
	for _, p := range []struct {
		flag, address string
		listener      *net.Listener
	}{{"http", cfg.HTTP, &l.http}, {"grpc", cfg.GRPC, &l.grpc}, {"admin", cfg.Admin, &l.admin}} {
		if p.address == "" {
			continue
		}
		var err error
		if *p.listener, err = net.Listen("tcp", p.address); err != nil {
			l.close()
			return nil, listenError(p.flag, p.address, err)
		}
	}
	return l, nil
}

// listenError says what to do about the errors that people meet.
func listenError(flag, address string, err error) error {
	advice := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = fmt.Sprintf(": stop what listens there, or choose another port with --%s", flag)
	case errors.Is(err, syscall.EACCES):
		advice = fmt.Sprintf(": choose a port above 1023 with --%s, or give this process the right to it", flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = fmt.Sprintf(": choose an address of this machine with --%s", flag)
	}
	return fmt.Errorf("listen on %s: %w%s", address, rootCause(err), advice)
}

// rootCause strips what net adds to the system's error: the address is said once.
func rootCause(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return err
}

func (l *listeners) addresses() Addresses {
	a := Addresses{HTTP: l.http.Addr().String()}
	if l.grpc != nil {
		a.GRPC = l.grpc.Addr().String()
	}
	if l.admin != nil {
		a.Admin = l.admin.Addr().String()
	}
	return a
}

// close closes what is open; the servers close theirs too.
func (l *listeners) close() {
	for _, listener := range []net.Listener{l.http, l.grpc, l.admin} {
		if listener != nil {
			listener.Close()
		}
	}
}
