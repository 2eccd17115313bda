// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Reads a compose file as `docker compose config` does, with the same library: its schema, its
// variables, its references. Prints the outcome as YAML.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithOsEnv, cli.WithEnvFiles(),
		cli.WithDotEnv, cli.WithConsistency(true), cli.WithNormalization(true))
	fail(err)
	project, err := options.LoadProject(context.Background())
	fail(err)
	text, err := project.MarshalYAML()
	fail(err)
	os.Stdout.Write(text)
}
