package scenario

// Then is what must be true at the end. Only what is named is compared.
type Then struct {
	States       map[string]string            `yaml:"states"`
	Gone         []string                     `yaml:"gone"`
	Outcome      map[string]Outcome           `yaml:"outcome"`
	Requests     map[string]string            `yaml:"requests"`
	Results      map[string]map[string]string `yaml:"results"`
	Initiators   map[string]string            `yaml:"initiators"`
	Rejected     *[]Texts                     `yaml:"rejected"`
	Flags        map[string]map[string]bool   `yaml:"flags"`
	Fields       map[string]Fields            `yaml:"fields"`
	Statuses     map[string]map[string]Fields `yaml:"statuses"`
	Alerts       map[string][]string          `yaml:"alerts"`
	Posted       *[]Posted                    `yaml:"posted"`
	OverSLA      *[]string                    `yaml:"over_sla"`
	Calls        *[]Called                    `yaml:"calls"`
	CallsInclude []Called                     `yaml:"calls_include"`
	CallsExclude []string                     `yaml:"calls_exclude"`
	Started      map[string]int               `yaml:"started"`
	History      map[string][]string          `yaml:"history"`
}

// Fields are values by name.
type Fields map[string]Mention

// Texts must all occur, without regard to case.
type Texts struct {
	Mentions []string `yaml:"mentions"`
}

// Outcome is the last recorded outcome.
type Outcome struct {
	Kind     string   `yaml:"kind"`
	Mentions []string `yaml:"mentions"`
}

// Posted is a request that an object put on another.
type Posted struct {
	On        string   `yaml:"on"`
	Type      string   `yaml:"type"`
	Initiator string   `yaml:"initiator"`
	Await     []string `yaml:"await"`
}

// Called is a hardware call.
type Called struct {
	Call string   `yaml:"call"`
	On   []string `yaml:"on"`
}
