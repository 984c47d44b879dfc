// Lists an enterprise's consumed licenses and its sync status as any program with go-github does.
// Usage: go run list.go BASE_URL TOKEN ENTERPRISE PER_PAGE; prints one JSON object. After the first
// page it writes a line to standard error and waits for one on standard input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/google/go-github/github"
)

type user struct {
	Login string `json:"github_com_login"`
}

type bearer struct{ token string }

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(request)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	base, token, enterprise, perPage := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	ctx := context.Background()
	client, err := github.NewEnterpriseClient(base, base, &http.Client{Transport: bearer{token}})
	check(err)
	get := func(path string, into interface{}) (*github.Response, error) {
		request, err := client.NewRequest("GET", path, nil)
		check(err)
		return client.Do(ctx, request, into)
	}

	users := []user{}
	for page := 1; page != 0; {
		var answer struct{ Users []user }
		path := fmt.Sprintf("enterprises/%s/consumed-licenses?per_page=%s&page=%d", enterprise, perPage, page)
		response, err := get(path, &answer)
		check(err)
		users = append(users, answer.Users...)
		if page == 1 {
			fmt.Fprintln(os.Stderr, "first page")
			_, err = bufio.NewReader(os.Stdin).ReadString('\n')
			check(err)
		}
		page = response.NextPage
	}
	var status map[string]interface{}
	_, err = get("enterprises/"+enterprise+"/license-sync-status", &status)
	check(err)
	limits, _, err := client.RateLimits(ctx)
	check(err)
	_, refusal := get("enterprises/nobody/consumed-licenses", nil)
	told := refusal.(*github.ErrorResponse)

	check(json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"users":   users,
		"status":  status,
		"used":    limits.Core.Limit - limits.Core.Remaining,
		"refusal": map[string]interface{}{"status": told.Response.StatusCode, "message": told.Message},
	}))
}
