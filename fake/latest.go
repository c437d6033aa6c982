package fake

import "time"

// Latest is when a device of the site was last asked to change something, zero if none was. A clock that is begun anew over a journal or snapshot must
// not show an earlier time.
func (h *Hardware) Latest() time.Time {
	var latest time.Time
	for i := range h.shards {
		h.shards[i].mu.RLock()
		for _, d := range h.shards[i].devices {
			d.mu.Lock()
			for _, a := range d.Answers {
				if a.At.After(latest) {
					latest = a.At
				}
			}
			d.mu.Unlock()
		}
		h.shards[i].mu.RUnlock()
	}
	return latest
}
