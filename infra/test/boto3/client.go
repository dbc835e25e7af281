// Package boto3 calls AWS by boto3, AWS's own SDK for Python, for what tests and the
// acceptance need beside EC2 and Auto Scaling: no further service's SDK is a dependency
// of this module then. Nothing shipped imports it.
package boto3

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// A Client is a process of Python that makes one call after the other.
type Client struct {
	command  *exec.Cmd
	in       io.Closer
	requests *json.Encoder
	answers  *json.Decoder
}

// Error is what AWS answered to a call.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Arguments are those of a call, as boto3 has them.
type Arguments map[string]any

// Start starts a client with an environment of its own. Root is the repository's folder,
// in which `make .venv/stamp` has installed boto3.
func Start(root string, environment []string) (*Client, error) {
	command := exec.Command(filepath.Join(root, ".venv", "bin", "python"), filepath.Join(root, "infra", "test", "boto3", "client.py"))
	command.Env, command.Stderr = environment, os.Stderr
	in, inErr := command.StdinPipe()
	out, outErr := command.StdoutPipe()
	if err := errors.Join(inErr, outErr, command.Start()); err != nil {
		return nil, fmt.Errorf("starting boto3 (make .venv/stamp installs it): %w", err)
	}
	return &Client{command, in, json.NewEncoder(in), json.NewDecoder(out)}, nil
}

// Call makes one call, all of its pages, and reads into answer what a query finds, one as
// `aws --query` takes. An error of AWS's is an *Error.
func (c *Client) Call(service, operation string, arguments Arguments, query string, answer any) error {
	var reply struct {
		Answer json.RawMessage
		Error  *Error
	}
	err := c.requests.Encode([]any{service, operation, arguments, query})
	if err == nil {
		err = c.answers.Decode(&reply)
	}
	switch {
	case err != nil:
	case reply.Error != nil:
		err = reply.Error
	case answer != nil:
		err = json.Unmarshal(reply.Answer, answer)
	}
	if err != nil {
		return fmt.Errorf("calling %s %s: %w", service, operation, err)
	}
	return nil
}

// Close ends the process.
func (c *Client) Close() {
	_ = c.in.Close()
	_ = c.command.Wait()
}
