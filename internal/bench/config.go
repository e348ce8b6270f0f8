package bench

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Config says what is measured. [Defaults] has one that is ready to run for each scenario.
type Config struct {
	Scenario Scenario
	Wire     Wire

	Rooms        int           // how many rooms
	PerRoom      int           // clients in each
	Rate         float64       // messages a second over all rooms; 0: as fast as InFlight allows
	InFlight     int           // without a rate: messages under way in each room
	MessageBytes int           // of text, 16 to 16384
	Warmup       time.Duration // load before the measurement
	Duration     time.Duration // of the measurement
	Rest         time.Duration // idle: after the last message; slow: how long the readers stop
	Offline      int           // storm: messages a room gets while its clients are away
	Preload      int           // history: messages stored before, over all rooms

	Runs    int    // of each subject
	VsFloor bool   // take turns with the floor
	Peers   []Peer // and with these

	Attach       *Attach  // a server that runs already; nil: start one for each run
	ServeCommand []string // starts a Rialto: the program, and "serve"
	FloorCommand []string // starts a process that calls ServeFloor
	ServerFlags  []string // more flags for ServeCommand
	TempDir      string   // for data directories; empty: the system's
}

// Attach names a running server.
type Attach struct {
	Addresses
	PID int // 0: not known, so neither its CPU nor its memory is measured
}

// Scenario is what clients do.
type Scenario string

// The scenarios; Scenarios says what each of them is.
const (
	Fanout  Scenario = "fanout"
	Rooms   Scenario = "rooms"
	Publish Scenario = "publish"
	Echo    Scenario = "echo"
	Idle    Scenario = "idle"
	Storm   Scenario = "storm"
	Slow    Scenario = "slow"
	History Scenario = "history"
)

// ScenarioInfo describes a scenario to people.
type ScenarioInfo struct {
	Name Scenario
	What string
}

// Scenarios lists all scenarios in the order of their importance.
func Scenarios() []ScenarioInfo {
	infos := make([]ScenarioInfo, 0, len(scenarios))
	for _, s := range scenarios {
		infos = append(infos, ScenarioInfo{s.name, s.what})
	}
	return infos
}

// scenario is one entry of the table of all.
type scenario struct {
	name     Scenario
	what     string
	defaults func(*Config)
	floor    bool // whether the floor can play it, too
	noFleet  bool // its rooms have no clients of their own
	play     func(*play) (Metrics, error)
}

var scenarios = []scenario{
	{
		name: Fanout, what: "one room in which everybody hears everybody", floor: true, play: playLoad,
		defaults: func(c *Config) { c.Rooms, c.PerRoom, c.Rate = 1, 1000, 50 },
	},
	{
		name: Rooms, what: "many small rooms, each client speaking now and then", floor: true, play: playLoad,
		defaults: func(c *Config) { c.Rooms, c.PerRoom, c.Rate = 500, 10, 5000 },
	},
	{
		name: Publish, what: "each client alone in a room, publishing as fast as it is answered", play: playPublish,
		defaults: func(c *Config) { c.Rooms, c.PerRoom, c.InFlight = 1024, 1, 4 },
	},
	{
		name: Echo, what: "one client, one message at a time, there and back; beside fdatasync alone", floor: true, play: playEcho,
		defaults: func(c *Config) { c.Rooms, c.PerRoom, c.InFlight, c.Duration = 1, 1, 1, 5*time.Second },
	},
	{
		name: Idle, what: "many clients that have heard little and now nothing: memory for each", floor: true, play: playIdle,
		defaults: func(c *Config) { c.Rooms, c.PerRoom, c.Rest, c.Runs = 1000, 10, time.Minute, 1 },
	},
	{
		name: Storm, what: "all clients lose their connection, miss something, and come back at once", play: playStorm,
		defaults: func(c *Config) { c.Rooms, c.PerRoom, c.Offline = 100, 20, 50 },
	},
	{
		name: Slow, what: "fanout while one reader in a hundred stops and later goes on", play: playSlow,
		defaults: func(c *Config) { c.Rooms, c.PerRoom, c.Rate, c.Rest, c.Runs = 1, 1000, 50, 30*time.Second, 1 },
	},
	{
		name: History, what: "pages of rooms that some visit often and most hardly ever, while others publish", noFleet: true, play: playHistory,
		defaults: func(c *Config) { c.Rooms, c.PerRoom, c.Rate, c.Preload = 5000, 1, 1000, 100_000 },
	},
}

func findScenario(name Scenario) *scenario {
	for i := range scenarios {
		if scenarios[i].name == name {
			return &scenarios[i]
		}
	}
	return nil
}

// Defaults returns the configuration of a scenario as the targets in docs/benchmarks.md have it, short enough to wait for.
func Defaults(name Scenario) (Config, error) {
	s := findScenario(name)
	if s == nil {
		return Config{}, fmt.Errorf("unknown scenario %q", name)
	}
	c := Config{
		Scenario: name, Wire: Plain, InFlight: 64, MessageBytes: 128,
		Warmup: 2 * time.Second, Duration: 10 * time.Second, Runs: 5,
	}
	s.defaults(&c)
	return c, nil
}

// The bounds of a run: more is a mistake, or another machine's work.
const (
	maxClients      = 50_000
	maxRooms        = 10_000_000
	maxReplay       = 500 // changes that a resume replays; see chatv1.Resume
	minMessageBytes = stampBytes
	maxMessageBytes = 16 << 10
	maxRuns         = 100
	maxDuration     = time.Hour
)

// Validate returns an error that names the first field that has a bad value.
func (c *Config) Validate() error {
	s := findScenario(c.Scenario)
	switch {
	case s == nil:
		return fmt.Errorf("unknown scenario %q", c.Scenario)
	case (c.VsFloor || len(c.Peers) > 0) && !s.floor:
		return fmt.Errorf("scenario %s: the floor cannot play it", c.Scenario)
	case (c.VsFloor || len(c.Peers) > 0) && c.Wire == TLS:
		return errors.New("over TLS there is nothing to compare with")
	case c.Wire != Plain && c.Wire != TLS && c.Wire != JSON && c.Wire != Mux && c.Wire != GRPC:
		return fmt.Errorf("unknown wire %q", c.Wire)
	case s.noFleet && (c.Rooms < 1 || c.Rooms > maxRooms):
		return fmt.Errorf("%d rooms: want 1 to %d", c.Rooms, maxRooms)
	case !s.noFleet && (c.Rooms < 1 || c.PerRoom < 1 || c.Rooms*c.PerRoom > maxClients):
		return fmt.Errorf("%d rooms of %d clients: want 1 to %d clients in all", c.Rooms, c.PerRoom, maxClients)
	case c.Rate < 0:
		return fmt.Errorf("rate %v: want 0 or more", c.Rate)
	case c.Rate == 0 && (c.InFlight < 1 || c.InFlight > 10_000):
		return fmt.Errorf("%d messages in flight: want 1 to 10000", c.InFlight)
	case c.MessageBytes < minMessageBytes || c.MessageBytes > maxMessageBytes:
		return fmt.Errorf("messages of %d bytes: want %d to %d", c.MessageBytes, minMessageBytes, maxMessageBytes)
	case c.Offline < 0 || c.Offline > maxReplay:
		return fmt.Errorf("%d messages while offline: want 0 to %d, which are replayed one by one", c.Offline, maxReplay)
	case c.Preload < 0 || c.Preload > 10_000_000:
		return fmt.Errorf("%d messages before: want 0 to 10000000", c.Preload)
	case c.Runs < 1 || c.Runs > maxRuns:
		return fmt.Errorf("%d runs: want 1 to %d", c.Runs, maxRuns)
	case c.Duration <= 0 || c.Duration > maxDuration || c.Warmup < 0 || c.Warmup > maxDuration || c.Rest < 0 || c.Rest > maxDuration:
		return fmt.Errorf("times of %v, %v and %v: want 0 to %v", c.Duration, c.Warmup, c.Rest, maxDuration)
	}
	if c.Attach != nil {
		return c.Attach.validate()
	}
	return nil
}

// validate admits loopback only: a load is a weapon, and figures over a network are the network's.
func (a *Attach) validate() error {
	address := a.HTTP
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address %q: want HOST:PORT", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %q: only servers on this machine are measured", address)
	}
	return nil
}
