// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Reads dashboards by Grafana's own schema of them: what it does not know, or knows by another
// type, is an error. Prints one for each file that has some.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Errors of the SDK are lists, which may be empty.
func found(err error) bool {
	return err != nil && err.Error() != ""
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var d dashboard.Dashboard
	if err := d.UnmarshalJSONStrict(text); found(err) {
		return err
	}
	return d.Validate()
}

func main() {
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, path := range os.Args[1:] {
		if err := check(path); found(err) {
			fmt.Printf("%s: %v\n", path, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}
