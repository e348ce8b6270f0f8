package bridge

import (
	"net"
	"os"
	"sync"
	"syscall"
)

// parkingLot is an epoll instance, and a goroutine that waits for it as for a socket, by Go's own poller. A connection's place in
// it is its file descriptor, which is valid until the connection has left. See epoll(7).
type parkingLot struct {
	parking *parking
	epoll   *os.File
	raw     syscall.RawConn
	waiter  sync.WaitGroup
	conns   []*meteredConn // by place; guarded by parking.mu
}

// newParkingLot returns nil where there is none to be had. close ends it.
func newParkingLot(p *parking) *parkingLot {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil
	}
	l := &parkingLot{parking: p, epoll: os.NewFile(uintptr(fd), "epoll")}
	if l.raw, err = l.epoll.SyscallConn(); err != nil {
		l.epoll.Close()
		return nil
	}
	l.waiter.Go(l.wait) // ends by close, which waits for it
	return l
}

// close is called when all have left.
func (l *parkingLot) close() {
	l.epoll.Close()
	l.waiter.Wait()
}

// canPark reports whether a connection has nothing of its own between us and the system: TLS may have read what its connection
// no longer has.
func canPark(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// enter gives c, which can park, a place; false if the system has none left.
func (l *parkingLot) enter(c *meteredConn) bool {
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	added := false
	err = raw.Control(func(fd uintptr) {
		c.space.place = int32(fd)
		added = l.control(syscall.EPOLL_CTL_ADD, c.space.place, 0) // nothing yet
	})
	if err != nil || !added {
		return false
	}
	if more := int(c.space.place) + 1 - len(l.conns); more > 0 {
		l.conns = append(l.conns, make([]*meteredConn, more)...)
	}
	l.conns[c.space.place] = c
	return true
}

// watch has the next that is to be read from c found, once.
func (l *parkingLot) watch(c *meteredConn) bool {
	return l.control(syscall.EPOLL_CTL_MOD, c.space.place, syscall.EPOLLIN|syscall.EPOLLRDHUP)
}

func (l *parkingLot) leave(c *meteredConn) {
	l.control(syscall.EPOLL_CTL_DEL, c.space.place, 0)
	l.conns[c.space.place] = nil
}

// control sets the events that are told of, once; that the connection is broken is always among them.
func (l *parkingLot) control(op int, place int32, events uint32) bool {
	ok := false
	err := l.raw.Control(func(epoll uintptr) {
		ok = syscall.EpollCtl(int(epoll), op, int(place), &syscall.EpollEvent{Events: events | syscall.EPOLLONESHOT, Fd: place}) == nil
	})
	return err == nil && ok
}

// wait wakes those for whom there is something.
func (l *parkingLot) wait() {
	events := make([]syscall.EpollEvent, 128)
	l.raw.Read(func(epoll uintptr) (done bool) {
		for {
			n, err := syscall.EpollWait(int(epoll), events, 0)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return err != nil
			}
			l.wake(events[:n])
		}
	})
}

func (l *parkingLot) wake(events []syscall.EpollEvent) {
	l.parking.mu.Lock()
	defer l.parking.mu.Unlock()
	for _, event := range events {
		if c := l.conns[event.Fd]; c != nil {
			l.parking.wakeLocked(c)
		}
	}
}
