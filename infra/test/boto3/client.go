// Package boto3 calls AWS by boto3, AWS's own SDK for Python, for what tests and the
// acceptance need beside EC2 and Auto Scaling: no further service's SDK is a dependency
// of this module then. Nothing shipped imports it.
package boto3

import (
	"encoding/json"
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

// Start starts a client with an environment of its own. Root is the repository's folder,
// in which `make .venv/stamp` has installed boto3.
func Start(root string, environment []string) (*Client, error) {
	command := exec.Command(filepath.Join(root, ".venv", "bin", "python"), filepath.Join(root, "infra", "test", "boto3", "client.py"))
	command.Env, command.Stderr = environment, os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting boto3 (make .venv/stamp installs it): %w", err)
	}
	return &Client{command, in, json.NewEncoder(in), json.NewDecoder(out)}, nil
}

// Call makes one call and reads its answer; both are as boto3 has them. An error of
// AWS's is an *Error.
func (c *Client) Call(service, operation string, arguments map[string]any, answer any) error {
	if arguments == nil {
		arguments = map[string]any{}
	}
	if err := c.requests.Encode([]any{service, operation, arguments}); err != nil {
		return fmt.Errorf("calling %s %s: %w", service, operation, err)
	}
	var reply [2]json.RawMessage
	if err := c.answers.Decode(&reply); err != nil {
		return fmt.Errorf("calling %s %s: %w", service, operation, err)
	}
	var refused *Error
	if err := json.Unmarshal(reply[1], &refused); err != nil {
		return fmt.Errorf("calling %s %s: %w", service, operation, err)
	}
	if refused != nil {
		return fmt.Errorf("calling %s %s: %w", service, operation, refused)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(reply[0], answer)
}

// Close ends the process.
func (c *Client) Close() error {
	_ = c.in.Close()
	return c.command.Wait()
}
