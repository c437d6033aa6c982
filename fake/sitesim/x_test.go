package sitesim
import ("testing";"path/filepath";"fmt";"github.com/rackstate/rackstate/backend";"github.com/rackstate/rackstate/lifecycle"
"github.com/rackstate/rackstate/backend/memory")
func TestX(t *testing.T) {
	cfg := config(1, memory.New(), 1)
	cfg.Journal = filepath.Join(t.TempDir(), "j")
	cfg.Hardware.Record=true
	w := &wire{at: 41}
	var calls []string
	go func(){}()
	died, err := live(t.Context(), cfg, w, true, nil)
	fmt.Println(died, err)
	sim, err := New(t.Context(), cfg)
	if err != nil { t.Fatal(err) }
	err = sim.RunUntil(t.Context(), sim.AllReady, longest)
	fmt.Println(err, unready(sim), calls)
	for i, c := range sim.hardware.Calls() { if i < 40 { fmt.Println(c) } }
	r, _ := cfg.Store.History(t.Context(), backend.HistoryQuery{})
	for _, x := range r { fmt.Println(x) }
	sim.each(func(o *lifecycle.Object) { x, _ := sim.manager.Controller().Explain(o.Ref()); fmt.Println(x) })
}
