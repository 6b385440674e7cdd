package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"

	"github.com/Masterminds/semver/v3"

	"github.com/controlplaneio-fluxcd/flux-operator/internal/filtering"
	"github.com/controlplaneio-fluxcd/flux-operator/internal/gitprovider"
)

type filter struct {
	IncludeBranch, ExcludeBranch, IncludeTag, ExcludeTag, Semver string
	Labels                                                      []string
	Limit                                                       int
}

type kase struct {
	Host       string            `json:"host"`
	What       string            `json:"what"`
	Repository string            `json:"repository"`
	Path       string            `json:"path"`
	Filter     json.RawMessage   `json:"filter,omitempty"`
	Pages      []json.RawMessage `json:"pages"`
	Status     int               `json:"status,omitempty"`
	Answer     []map[string]any  `json:"answer"`
	Failed     bool              `json:"failed,omitempty"`
}

func filters(raw json.RawMessage) (f filtering.Filters) {
	f.Limit = 100
	if raw == nil {
		return
	}
	var said filter
	if err := json.Unmarshal(raw, &said); err != nil {
		panic(err)
	}
	for _, in := range []string{said.IncludeBranch, said.IncludeTag} {
		if in != "" {
			f.Include = regexp.MustCompile(in)
		}
	}
	for _, ex := range []string{said.ExcludeBranch, said.ExcludeTag} {
		if ex != "" {
			f.Exclude = regexp.MustCompile(ex)
		}
	}
	if said.Semver != "" {
		c, err := semver.NewConstraint(said.Semver)
		if err != nil {
			panic(err)
		}
		f.SemVer = c
	}
	f.Labels = said.Labels
	if said.Limit > 0 {
		f.Limit = said.Limit
	}
	return
}

func play(k *kase) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() == "/api/v1/version" {
			fmt.Fprint(w, `{"version":"1.24.0"}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.EscapedPath() != k.Path {
			fmt.Fprintln(os.Stderr, "asked", r.URL.EscapedPath(), "and not", k.Path)
			w.WriteHeader(404)
			fmt.Fprint(w, `{"message":"Not Found"}`)
			return
		}
		if k.Status != 0 {
			w.WriteHeader(k.Status)
			fmt.Fprint(w, `{"message":"no"}`)
			return
		}
		page, err := strconv.Atoi(r.URL.Query().Get("page"))
		if err != nil || page < 1 {
			page = 1
		}
		if page < len(k.Pages) {
			next := strconv.Itoa(page + 1)
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%s>; rel="next"`, r.Host, k.Path, next))
			w.Header().Set("X-Next-Page", next)
		}
		if page > len(k.Pages) {
			fmt.Fprint(w, "[]")
			return
		}
		w.Write(k.Pages[page-1])
	}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<24)
	for in.Scan() {
		k := &kase{}
		if err := json.Unmarshal(in.Bytes(), k); err != nil {
			panic(err)
		}
		server := httptest.NewServer(play(k))
		ctx := context.Background()
		opts := gitprovider.Options{URL: server.URL + "/" + k.Repository, Token: "t"}
		var p gitprovider.Interface
		var err error
		switch k.Host {
		case "GitHub":
			p, err = gitprovider.NewGitHubProvider(ctx, opts)
		case "GitLab":
			p, err = gitprovider.NewGitLabProvider(ctx, opts)
		case "Gitea":
			p, err = gitprovider.NewGiteaProvider(ctx, opts)
		}
		var results []gitprovider.Result
		if err == nil {
			opts.Filters = filters(k.Filter)
			switch k.What {
			case "Branch":
				results, err = p.ListBranches(ctx, opts)
			case "Tag":
				results, err = p.ListTags(ctx, opts)
			default:
				results, err = p.ListRequests(ctx, opts)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, k.Host, k.What, err)
			k.Failed = true
		}
		k.Answer = []map[string]any{}
		for _, r := range results {
			k.Answer = append(k.Answer, r.ToMap())
		}
		out, _ := json.Marshal(k)
		fmt.Println(string(out))
		server.Close()
	}
}
