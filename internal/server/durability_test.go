package server

import (
	"encoding/json"
	"testing"
	"time"
)

// Under interval durability a server that is stopped in order keeps its history.
func TestIntervalDurability(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.SyncInterval = time.Second
	epochs := make(map[string]bool)
	for range 2 {
		i := start(t, cfg)
		conn := dial(t, i.GRPC, nil)
		post(t, conn, newGuest(t, conn), "lobby", "hello")
		_, _, body := get(t, "http://"+i.Admin+"/readyz")
		var d details
		if err := json.Unmarshal([]byte(body), &d); err != nil {
			t.Fatal(err)
		}
		epochs[d.Epoch] = true
		i.stop(t)
	}
	if len(epochs) != 1 {
		t.Errorf("epochs %v", epochs)
	}
}
