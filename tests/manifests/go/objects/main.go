// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Command objects reads Kubernetes objects as the programs of a cluster do, with their own code.
//
//	objects validate < YAML   as the API server: strict decoding, defaults, validation
//	objects security < YAML   what each Pod Security Standard says of DaemonSets, as JSON
//	objects seccomp CAP...    the default seccomp profile of containerd for these rights, as JSON
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/rbac"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	rbacvalidation "k8s.io/kubernetes/pkg/apis/rbac/validation"
	"k8s.io/kubernetes/pkg/apis/scheduling"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
	schedulingvalidation "k8s.io/kubernetes/pkg/apis/scheduling/validation"
	"k8s.io/kubernetes/pkg/capabilities"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// each calls do for every document of standard input.
func each(do func(doc []byte) error) error {
	var errs []error
	reader := utilyaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		doc, err := reader.Read()
		if err == io.EOF {
			return errors.Join(errs...)
		}
		if err != nil {
			return err
		}
		if list := map[string]any{}; yaml.Unmarshal(doc, &list) == nil && len(list) == 0 {
			continue // nothing but comments
		}
		if err := do(doc); err != nil {
			errs = append(errs, err)
		}
	}
}

// Objects of the Prometheus operator, whose server knows them by a CustomResourceDefinition.
func decodeMonitor(doc []byte, kind string) error {
	var into any = &monitoring.PodMonitor{}
	if kind == "ServiceMonitor" {
		into = &monitoring.ServiceMonitor{}
	}
	return yaml.UnmarshalStrict(doc, into)
}

func decode(doc []byte) (runtime.Object, error) {
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	obj, _, err := codecs.UniversalDeserializer().Decode(doc, nil, nil)
	return obj, err
}

func check(obj runtime.Object) field.ErrorList {
	switch o := obj.(type) {
	case *apps.DaemonSet:
		return appsvalidation.ValidateDaemonSet(o, pod.GetValidationOptionsFromPodTemplate(&o.Spec.Template, nil))
	case *core.Pod:
		return corevalidation.ValidatePodCreate(o, pod.GetValidationOptionsFromPodSpecAndMeta(&o.Spec, nil, &o.ObjectMeta, nil))
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(o)
	case *core.Namespace:
		return corevalidation.ValidateNamespace(o)
	case *core.Service:
		o.Spec.ClusterIPs = []string{o.Spec.ClusterIP} // as the server's allocator does
		return corevalidation.ValidateServiceCreate(o)
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(o)
	case *rbac.ClusterRole:
		return rbacvalidation.ValidateClusterRole(o, rbacvalidation.ClusterRoleValidationOptions{})
	case *rbac.ClusterRoleBinding:
		return rbacvalidation.ValidateClusterRoleBinding(o)
	case *networking.NetworkPolicy:
		return networkingvalidation.ValidateNetworkPolicy(o, networkingvalidation.NetworkPolicyValidationOptions{})
	case *scheduling.PriorityClass:
		return schedulingvalidation.ValidatePriorityClass(o)
	}
	return field.ErrorList{field.NotSupported[string](nil, fmt.Sprintf("%T", obj), nil)}
}

func validate(doc []byte) error {
	var head struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
	}
	if err := yaml.Unmarshal(doc, &head); err != nil {
		return err
	}
	name := head.Kind + "/" + head.Name
	if head.APIVersion == monitoring.SchemeGroupVersion.String() {
		if err := decodeMonitor(doc, head.Kind); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Println(name)
		return nil
	}
	obj, err := decode(doc)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	legacyscheme.Scheme.Default(obj)
	internal, err := legacyscheme.Scheme.UnsafeConvertToVersion(obj, runtime.InternalGroupVersioner)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if errs := check(internal); len(errs) > 0 {
		return fmt.Errorf("%s: %w", name, errs.ToAggregate())
	}
	fmt.Println(name)
	return nil
}

func security(doc []byte) error {
	obj, err := decode(doc)
	ds, ok := obj.(*appsv1.DaemonSet)
	if !ok {
		return err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	said := map[podsecurity.Level]map[string]string{}
	for _, level := range []podsecurity.Level{podsecurity.LevelPrivileged, podsecurity.LevelBaseline, podsecurity.LevelRestricted} {
		said[level] = map[string]string{}
		version := podsecurity.LevelVersion{Level: level, Version: podsecurity.LatestVersion()}
		template := &ds.Spec.Template
		for _, result := range evaluator.EvaluatePod(version, &template.ObjectMeta, &template.Spec) {
			if !result.Allowed {
				said[level][result.ForbiddenReason] = result.ForbiddenDetail
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(said)
}

func seccompProfile(caps []string) error {
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}, Linux: &specs.Linux{}}
	return json.NewEncoder(os.Stdout).Encode(seccomp.DefaultProfile(spec))
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "validate":
		return each(validate)
	case len(args) == 1 && args[0] == "security":
		return each(security)
	case len(args) > 0 && args[0] == "seccomp":
		return seccompProfile(args[1:])
	}
	return errors.New("usage: objects validate|security|seccomp CAP...")
}

func main() {
	capabilities.Initialize(capabilities.Capabilities{AllowPrivileged: true}) // --allow-privileged
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
