// The Node.js language host: starts the program and policy packs for the CLI, with the `node` on
// PATH and the @pulumi/pulumi beside them. The official one is in no module that can be had.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/shlex"
	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The program ends with it after it has told the engine what is wrong.
const exitAfterMessage = 32

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	if len(os.Args) < 2 {
		return errors.New("started without the address of an engine: pulumi starts this by itself")
	}
	// Flags may precede it.
	engine := os.Args[len(os.Args)-1]
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := rpcutil.Healthcheck(ctx, engine, time.Minute, stop); err != nil {
		return err
	}
	stopped := make(chan bool)
	context.AfterFunc(ctx, func() { close(stopped) })
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stopped,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, &host{engine: engine})
			return nil
		},
	})
	if err != nil {
		return err
	}
	// The engine reads the port from here.
	fmt.Println(server.Port)
	return <-server.Done
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// GetRequiredPackages names the plugins of the packages that the program's package.json names.
func (h *host) GetRequiredPackages(
	_ context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	directory := req.GetInfo().GetProgramDirectory()
	var program struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := readJSON(filepath.Join(directory, "package.json"), &program); err != nil {
		return nil, err
	}
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for name := range program.Dependencies {
		var dependency struct {
			Version string `json:"version"`
			Pulumi  struct {
				Resource bool   `json:"resource"`
				Name     string `json:"name"`
				Server   string `json:"server"`
			} `json:"pulumi"`
		}
		folder, err := installed(directory, name)
		if err != nil {
			return nil, err
		}
		if err := readJSON(filepath.Join(folder, "package.json"), &dependency); err != nil {
			return nil, err
		}
		if plugin := dependency.Pulumi; plugin.Resource {
			if plugin.Name == "" {
				plugin.Name = strings.TrimPrefix(name, "@pulumi/")
			}
			response.Packages = append(response.Packages, &pulumirpc.PackageDependency{
				Kind: "resource", Name: plugin.Name, Version: "v" + dependency.Version, Server: plugin.Server,
			})
		}
	}
	return response, nil
}

// Run runs the program to its end.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	info := req.GetInfo()
	runner, err := installed(info.GetProgramDirectory(), "@pulumi/pulumi/cmd/run")
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	args := []string{
		runner,
		"--monitor", req.GetMonitorAddress(), "--engine", h.engine,
		"--organization", req.GetOrganization(), "--project", req.GetProject(), "--stack", req.GetStack(),
		"--root-directory", info.GetRootDirectory(), "--pwd", info.GetProgramDirectory(),
		"--parallel", strconv.Itoa(int(req.GetParallel())),
	}
	if req.GetDryRun() {
		args = append(args, "--dry-run")
	}
	args = append(args, info.GetEntryPoint())
	program, err := node(ctx, info, os.Environ(), append(args, req.GetArgs()...)...)
	if err != nil {
		return nil, err
	}
	program.Env = append(program.Env, configured(req)...)
	// Given the descriptors themselves, Node.js would set them to non-blocking for this process, too.
	program.Stdout, program.Stderr = struct{ io.Writer }{os.Stdout}, struct{ io.Writer }{os.Stderr}

	err = program.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == exitAfterMessage:
		return &pulumirpc.RunResponse{Bail: true}, nil
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program did not end well: %v", err)}, nil
	}
}

// RunPlugin runs a policy pack until the engine no longer needs it. A pack with the runtime option
// `typescript: false` is started by Node.js as it is, without the compiler.
func (h *host) RunPlugin(
	req *pulumirpc.RunPluginRequest, server grpc.ServerStreamingServer[pulumirpc.RunPluginResponse],
) error {
	if req.GetKind() != "analyzer" {
		return status.Errorf(codes.Unimplemented,
			"this language host runs programs and policy packs, and %s is a plugin of the kind %q",
			req.GetInfo().GetProgramDirectory(), req.GetKind())
	}
	ctx, info := server.Context(), req.GetInfo()
	streams, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	defer streams.Close()
	args := []string{info.GetProgramDirectory()}
	if isTypeScript(info) {
		runner, err := installed(info.GetProgramDirectory(), "@pulumi/pulumi/cmd/run-policy-pack")
		if err != nil {
			return err
		}
		args = append(append([]string{runner}, req.GetArgs()...), args...)
	}
	pack, err := node(ctx, info, req.GetEnv(), args...)
	if err != nil {
		return err
	}
	// The pack reads the stack's configuration from its environment as it starts, and the engine
	// sends it to what has started: the proxy stands between the two.
	proxy, packOutput, err := sdk.NewPolicyProxy(ctx, stdout)
	if err != nil {
		return err
	}
	stack, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return err
	}
	if stack != nil {
		pack.Env = append(pack.Env,
			"PULUMI_NODEJS_ORGANIZATION="+stack.GetOrganization(),
			"PULUMI_NODEJS_PROJECT="+stack.GetProject(),
			"PULUMI_NODEJS_STACK="+stack.GetStack(),
			"PULUMI_NODEJS_DRY_RUN="+strconv.FormatBool(stack.GetDryRun()))
		pack.Env = append(pack.Env, configured(stack)...)
	}
	pack.Dir, pack.Stdout, pack.Stderr = info.GetProgramDirectory(), packOutput, stderr
	if err := pack.Start(); err != nil {
		return err
	}
	return proxy.Attach(ctx, pack)
}

// node is Node.js with the arguments and variables that the project's runtime options ask for.
func node(
	ctx context.Context, info *pulumirpc.ProgramInfo, environment []string, args ...string,
) (*exec.Cmd, error) {
	options := info.GetOptions().GetFields()
	nodeArgs, err := shlex.Split(options["nodeargs"].GetStringValue())
	if err != nil {
		return nil, fmt.Errorf("the runtime option nodeargs: %w", err)
	}
	command := exec.CommandContext(ctx, "node", append(nodeArgs, args...)...)
	command.Env = environment
	if isTypeScript(info) {
		command.Env = append(command.Env, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if file := options["tsconfig"].GetStringValue(); file != "" {
		command.Env = append(command.Env, "PULUMI_NODEJS_TSCONFIG_PATH="+file)
	}
	return command, nil
}

func isTypeScript(info *pulumirpc.ProgramInfo) bool {
	option, given := info.GetOptions().GetFields()["typescript"]
	return !given || option.GetBoolValue()
}

// installed finds something below node_modules as Node.js does: in the folder or one above it.
func installed(folder, name string) (string, error) {
	for at := folder; ; at = filepath.Dir(at) {
		found := filepath.Join(at, "node_modules", filepath.FromSlash(name))
		if _, err := os.Stat(found); err == nil {
			return found, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf(
				"%s is not installed in %s or in a folder above it; run `npm ci` there", name, folder)
		}
	}
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// configured is a stack's configuration in the variables that @pulumi/pulumi reads.
func configured(stack interface {
	GetConfig() map[string]string
	GetConfigSecretKeys() []string
}) []string {
	values, secrets := stack.GetConfig(), stack.GetConfigSecretKeys()
	// An empty one arrives as nil, which JSON would write as null.
	if values == nil {
		values = map[string]string{}
	}
	if secrets == nil {
		secrets = []string{}
	}
	// Maps and lists of texts can always be written.
	valuesJSON, _ := json.Marshal(values)
	secretsJSON, _ := json.Marshal(secrets)
	return []string{
		"PULUMI_CONFIG=" + string(valuesJSON), "PULUMI_CONFIG_SECRET_KEYS=" + string(secretsJSON),
	}
}
