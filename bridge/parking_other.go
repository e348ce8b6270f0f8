//go:build !linux

package bridge

import "net"

// parkingLot is for Linux only: elsewhere a goroutine waits for each socket.
type parkingLot struct{}

func canPark(net.Conn) bool { return false }

func newParkingLot(*parking) *parkingLot { return nil }

func (*parkingLot) enter(*meteredConn) bool { return false }
func (*parkingLot) watch(*meteredConn) bool { return false }
func (*parkingLot) leave(*meteredConn)      {}
func (*parkingLot) close()                  {}
