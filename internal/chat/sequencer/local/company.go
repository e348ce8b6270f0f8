package local

import "slices"

// maxCompany is how many calls a commit may answer for their return to be waited for. It bounds what [company.joined]
// compares; with more there is work enough to wait the whole linger.
const maxCompany = 32

// company is those whom the last commit answered. A commit waits for more only as long as one of them has not come back:
// people who each wait for their answer before they go on are all here then, and nobody else is to be expected soon. So
// one who is alone never waits, and a few are together in each commit. It belongs to the sequencer's mutex.
type company struct {
	known  bool     // whether absent says anything
	absent []string // who has not come back; each once
}

// leave has those go whose calls are about to be answered.
func (c *company) leave(calls []*call) {
	c.absent = c.absent[:0]
	c.known = len(calls) > 0 && len(calls) <= maxCompany
	if !c.known {
		return
	}
	for _, call := range calls {
		if id := call.caller(); !slices.Contains(c.absent, id) {
			c.absent = append(c.absent, id)
		}
	}
}

// joined says that somebody came; true if now all are back.
func (c *company) joined(id string) bool {
	i := slices.Index(c.absent, id)
	if i < 0 {
		return false
	}
	c.absent = slices.Delete(c.absent, i, i+1)
	return len(c.absent) == 0
}

// complete reports whether all are back.
func (c *company) complete() bool { return c.known && len(c.absent) == 0 }
