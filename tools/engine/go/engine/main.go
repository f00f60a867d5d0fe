// One binary that serves each Pulumi resource plugin it is named after.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-mux/tf5to6server"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/proto"
	pfbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// bridged describes how one Terraform provider appears to Pulumi.
type bridged struct {
	// version is that of the npm package of the same name; the linker sets it.
	version string
	server  func(context.Context) (func() tfprotov5.ProviderServer, error)
	// resources and functions map Terraform types to Pulumi tokens.
	resources map[string]string
	functions map[string]string
	// config and fields tell apart what Pulumi names or shapes otherwise than the bridge would by
	// itself; fields by Terraform type.
	config overrides
	fields map[string]overrides
}

func main() {
	plugins := map[string]bridged{
		"aws": awsPlugin, "postgresql": postgresqlPlugin, "random": randomPlugin,
	}
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "pulumi-resource-")
	p, ok := plugins[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no plugin is built in for %q\n", os.Args[0])
		os.Exit(1)
	}
	if err := serve(context.Background(), name, p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, name string, p bridged) error {
	v5, err := p.server(ctx)
	if err != nil {
		return err
	}
	v6, err := tf5to6server.UpgradeServer(ctx, v5)
	if err != nil {
		return err
	}
	info := tfbridge.ProviderInfo{
		P: proto.New(ctx, v6), Name: name, Version: p.version, ResourcePrefix: name,
		MetadataInfo: &tfbridge.MetadataInfo{Data: tfbridge.ProviderMetadata(nil)},
		Config:       p.config.schemaInfos(),
		Resources:    map[string]*tfbridge.ResourceInfo{},
		DataSources:  map[string]*tfbridge.DataSourceInfo{},
	}
	for tf, tok := range p.resources {
		if _, ok := info.P.ResourcesMap().GetOk(tf); !ok {
			return fmt.Errorf("the %s provider has no resource type %s", name, tf)
		}
		info.Resources[tf] = &tfbridge.ResourceInfo{
			Tok: tokens.Type(tok), Fields: p.fields[tf].schemaInfos(),
		}
	}
	for tf, tok := range p.functions {
		if _, ok := info.P.DataSourcesMap().GetOk(tf); !ok {
			return fmt.Errorf("the %s provider has no data source %s", name, tf)
		}
		info.DataSources[tf] = &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(tok)}
	}
	info.SetAutonaming(255, "-")
	pfbridge.Main(ctx, name, info, pfbridge.ProviderMetadata{
		// The bridge's own generator of schemas is not built in: it would double the build.
		XGetSchema: func(context.Context, plugin.GetSchemaRequest) ([]byte, error) {
			return packageSchema(info)
		},
	})
	return nil
}
