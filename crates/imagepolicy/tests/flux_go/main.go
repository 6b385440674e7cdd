// Command record asks Flux's own packages which tag a policy chooses, and what setters make of files and messages.
// It reads cases as JSON, those of ../recorded/flux.json with or without their answers, and writes them with answers.
//
// It belongs into cmd/record of github.com/fluxcd/image-automation-controller, whose internal/update it uses, with
// internal/policy of github.com/fluxcd/image-reflector-controller copied to internal/choose there.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fluxcd/image-automation-controller/internal/choose"
	"github.com/fluxcd/image-automation-controller/internal/update"
	reflectorv1 "github.com/fluxcd/image-reflector-controller/api/v1"
)

type Choice struct {
	Policy  reflectorv1.ImagePolicyChoice `json:"policy"`
	Filter  *reflectorv1.TagFilter        `json:"filter,omitempty"`
	Tags    []string                      `json:"tags"`
	Latest  string                        `json:"latest,omitempty"`
	Invalid bool                          `json:"invalid,omitempty"`
	Error   string                        `json:"error,omitempty"`
}

type Setting struct {
	Name     string                          `json:"name"`
	Latest   map[string]reflectorv1.ImageRef `json:"latest"`
	Files    map[string]string               `json:"files"`
	Written  map[string]string               `json:"written,omitempty"`
	Changes  []Change                        `json:"changes,omitempty"`
	Message  *string                         `json:"message,omitempty"`
	Template string                          `json:"template,omitempty"`
	Error    string                          `json:"error,omitempty"`
}

type Change struct {
	File, APIVersion, Kind, Namespace, Name, Old, New, Setter string
}

type Cases struct {
	Choices  []Choice  `json:"choices"`
	Settings []Setting `json:"settings"`
}

type data struct {
	AutomationObject types.NamespacedName
	Changed          update.Result
	Values           map[string]string
}

func (c *Choice) ask() {
	c.Latest, c.Invalid, c.Error = "", false, ""
	tags := append([]string{}, c.Tags...)
	sort.SliceStable(tags, func(a, b int) bool { return tags[a] > tags[b] })
	policer, err := choose.PolicerFromSpec(c.Policy)
	if err != nil {
		c.Invalid, c.Error = true, err.Error()
		return
	}
	var filter *choose.RegexFilter
	if c.Filter != nil {
		filter, err = choose.NewRegexFilter(c.Filter.Pattern, c.Filter.Extract)
		if err != nil {
			c.Invalid, c.Error = true, err.Error()
			return
		}
		filter.Apply(tags)
		tags = filter.Items()
		sort.Sort(sort.Reverse(sort.StringSlice(tags)))
	}
	latest, err := policer.Latest(tags)
	if err != nil {
		c.Error = err.Error()
		return
	}
	if filter != nil {
		latest = filter.GetOriginalTag(latest)
	}
	c.Latest = latest
}

func (s *Setting) ask() {
	s.Written, s.Changes, s.Message, s.Error = nil, nil, nil, ""
	dir, err := os.MkdirTemp("", "setting")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for name, text := range s.Files {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			panic(err)
		}
	}
	var policies []reflectorv1.ImagePolicy
	for key, ref := range s.Latest {
		namespace, name, _ := strings.Cut(key, ":")
		ref := ref
		policies = append(policies, reflectorv1.ImagePolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Status:     reflectorv1.ImagePolicyStatus{LatestRef: &ref},
		})
	}
	result, err := update.UpdateWithSetters(logr.Discard(), dir, dir, policies)
	if err != nil {
		s.Error = err.Error()
		return
	}
	s.Written = map[string]string{}
	for name, before := range s.Files {
		after, _ := os.ReadFile(filepath.Join(dir, name))
		if string(after) != before {
			s.Written[name] = string(after)
		}
	}
	for file, objects := range result.FileChanges {
		for id, changes := range objects {
			for _, c := range changes {
				s.Changes = append(s.Changes, Change{file, id.APIVersion, id.Kind, id.Namespace, id.Name, c.OldValue, c.NewValue, c.Setter})
			}
		}
	}
	sort.Slice(s.Changes, func(a, b int) bool { return fmt.Sprint(s.Changes[a]) < fmt.Sprint(s.Changes[b]) })
	if s.Template != "" {
		t, err := template.New("commit message").Funcs(sprig.HermeticTxtFuncMap()).Parse(s.Template)
		if err != nil {
			s.Error = "parse: " + err.Error()
			return
		}
		b := &strings.Builder{}
		d := data{types.NamespacedName{Namespace: "flux-system", Name: "auto"}, result, map[string]string{"a": "1"}}
		if err := t.Execute(b, d); err != nil {
			s.Error = "execute: " + err.Error()
			return
		}
		text := b.String()
		s.Message = &text
	}
}

func main() {
	var cases Cases
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	for i := range cases.Choices {
		cases.Choices[i].ask()
	}
	for i := range cases.Settings {
		cases.Settings[i].ask()
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.Encode(cases)
}
