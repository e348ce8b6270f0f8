package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteTable shows a report to people: medians, with the least and the greatest in brackets.
func (r *Report) WriteTable(w io.Writer) error {
	fmt.Fprintf(w, "%s over %s: %s, %d-byte messages; %d CPUs, kernel %s, %s %s\n\n", r.Scenario, r.Wire, r.load(),
		r.MessageBytes, r.Machine.CPUs, r.Machine.Kernel, r.Machine.Go, r.Machine.Arch)
	subjects := r.subjects()
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t, "\t%s\n", strings.Join(subjects, "\t"))
	for _, m := range metricTitles {
		if !r.has(m.metric) {
			continue
		}
		fmt.Fprint(t, m.title)
		for _, s := range subjects {
			fmt.Fprintf(t, "\t%s", cell(r.Medians[s], m.metric))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if r.CPURatio != nil {
		fmt.Fprintf(w, "\nserver CPU a delivery, x floor: %.2f  [%.2f to %.2f]\n", *r.CPURatio, r.CPURatioSpread.Min,
			r.CPURatioSpread.Max)
	}
	for _, name := range subjects {
		if ratio, ok := r.PeerCPURatios[name]; ok {
			fmt.Fprintf(w, "%s: %.2f  [%.2f to %.2f]\n", name, ratio.OfMedians, ratio.Min, ratio.Max)
		}
	}
	r.writeUncounted(w)
	return nil
}

// load says in words what is played.
func (r *Report) load() string {
	clients := fmt.Sprintf("%d x %d clients", r.Rooms, r.PerRoom)
	switch {
	case r.Scenario == History:
		return fmt.Sprintf("%d rooms, %d messages before, %g messages/s", r.Rooms, r.Preload, r.Rate)
	case r.Scenario == Idle:
		return fmt.Sprintf("%s, %gs of rest", clients, r.RestSeconds)
	case r.Scenario == Slow:
		return fmt.Sprintf("%s, %g messages/s, 1 in %d stops for %gs", clients, r.Rate, slowEvery, r.RestSeconds)
	case r.Scenario == Storm:
		return fmt.Sprintf("%s, %d messages missed", clients, r.Offline)
	case r.Rate > 0:
		return fmt.Sprintf("%s, %g messages/s", clients, r.Rate)
	}
	return fmt.Sprintf("%s, %d messages in flight a room", clients, r.InFlight)
}

// subjects lists all in the order of the first round.
func (r *Report) subjects() []string {
	var names []string
	for _, run := range r.Runs {
		if !slices.Contains(names, run.Subject) {
			names = append(names, run.Subject)
		}
	}
	return names
}

func (r *Report) has(metric Metric) bool {
	for _, metrics := range r.Medians {
		if _, ok := metrics[metric]; ok {
			return true
		}
	}
	return false
}

func cell(metrics map[Metric]Spread, metric Metric) string {
	s, ok := metrics[metric]
	if !ok {
		return "-"
	}
	if s.Min == s.Max {
		return number(s.Median)
	}
	return fmt.Sprintf("%s  [%s to %s]", number(s.Median), number(s.Min), number(s.Max))
}

// number has three digits that mean something.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// writeUncounted says which runs are in no median, and why, and which show a busy machine.
func (r *Report) writeUncounted(w io.Writer) {
	for i, run := range r.Runs {
		if run.Behind {
			fmt.Fprintf(w, "run %d (%s) did not keep the rate: the machine was busy, or this is more than it can do\n", i+1, run.Subject)
		}
		if run.NotCounted != "" {
			fmt.Fprintf(w, "run %d (%s) does not count: %s; lost %d, duplicated %d, reordered %d, refused %d\n", i+1, run.Subject,
				run.NotCounted, run.Lost, run.Duplicated, run.Reordered, run.Refused)
		}
	}
}
