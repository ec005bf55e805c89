//! Every kind that is read, and the resource of any of them.

use super::{ObjectMeta, calico, kubernetes, policy_api};
use std::fmt;

/// The namespace column of [`kinds!`].
const NAMESPACED: bool = true;
const CLUSTER: bool = false;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $version:literal $name:literal $scope:ident $object:ty;)+) => {
        /// A kind of API object that is read.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)+];

            /// The `apiVersion` it is written with.
            pub const fn api_version(self) -> &'static str {
                match self { $(Kind::$kind => $version,)+ }
            }

            /// The `kind` it is written with. Two kinds of different groups may share it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => $name,)+ }
            }

            /// True if its objects belong to a namespace.
            pub const fn is_namespaced(self) -> bool {
                match self { $(Kind::$kind => $scope,)+ }
            }

            /// Reads an object of this kind, in the API's JSON or whatever else `deserializer` reads it from.
            ///
            /// # Errors
            /// What does not fit the kind: a value of another type, a field that a policy does not have, another
            /// `apiVersion` or `kind`.
            #[cfg(feature = "serde")]
            pub fn deserialize<'de, D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Resource, D::Error> {
                use serde::Deserialize;
                match self { $(Kind::$kind => <$object>::deserialize(deserializer).map(Resource::from),)+ }
            }
        }

        /// An API object of any kind.
        ///
        /// With the feature `serde` it is written as the API writes it, and read by its `apiVersion` and `kind`.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Resource {
            $($(#[doc = $doc])+ $kind(Box<$object>),)+
        }

        impl Resource {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self { $(Resource::$kind(_) => Kind::$kind,)+ }
            }

            /// Its name, namespace, labels and annotations.
            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Resource::$kind(object) => &object.metadata,)+ }
            }

            /// Its name, namespace, labels and annotations, to change.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Resource::$kind(object) => &mut object.metadata,)+ }
            }
        }

        $(impl From<$object> for Resource {
            fn from(object: $object) -> Self {
                Resource::$kind(Box::new(object))
            }
        })+

        #[cfg(feature = "serde")]
        impl serde::Serialize for Resource {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Resource::$kind(object) => object.serialize(serializer),)+ }
            }
        }
    };
}

kinds! {
    /// NetworkPolicy of Kubernetes.
    NetworkPolicy = "networking.k8s.io/v1" "NetworkPolicy" NAMESPACED kubernetes::NetworkPolicy;
    /// AdminNetworkPolicy.
    AdminNetworkPolicy = "policy.networking.k8s.io/v1alpha1" "AdminNetworkPolicy" CLUSTER policy_api::AdminNetworkPolicy;
    /// BaselineAdminNetworkPolicy.
    BaselineAdminNetworkPolicy = "policy.networking.k8s.io/v1alpha1" "BaselineAdminNetworkPolicy" CLUSTER policy_api::BaselineAdminNetworkPolicy;
    /// ClusterNetworkPolicy.
    ClusterNetworkPolicy = "policy.networking.k8s.io/v1alpha2" "ClusterNetworkPolicy" CLUSTER policy_api::ClusterNetworkPolicy;
    /// NetworkPolicy of Calico.
    CalicoNetworkPolicy = "projectcalico.org/v3" "NetworkPolicy" NAMESPACED calico::NetworkPolicy;
    /// GlobalNetworkPolicy of Calico.
    GlobalNetworkPolicy = "projectcalico.org/v3" "GlobalNetworkPolicy" CLUSTER calico::GlobalNetworkPolicy;
    /// StagedNetworkPolicy of Calico.
    StagedNetworkPolicy = "projectcalico.org/v3" "StagedNetworkPolicy" NAMESPACED calico::StagedNetworkPolicy;
    /// StagedGlobalNetworkPolicy of Calico.
    StagedGlobalNetworkPolicy = "projectcalico.org/v3" "StagedGlobalNetworkPolicy" CLUSTER calico::StagedGlobalNetworkPolicy;
    /// StagedKubernetesNetworkPolicy of Calico.
    StagedKubernetesNetworkPolicy = "projectcalico.org/v3" "StagedKubernetesNetworkPolicy" NAMESPACED calico::StagedKubernetesNetworkPolicy;
    /// Tier of Calico.
    Tier = "projectcalico.org/v3" "Tier" CLUSTER calico::Tier;
    /// NetworkSet of Calico.
    NetworkSet = "projectcalico.org/v3" "NetworkSet" NAMESPACED calico::NetworkSet;
    /// GlobalNetworkSet of Calico.
    GlobalNetworkSet = "projectcalico.org/v3" "GlobalNetworkSet" CLUSTER calico::GlobalNetworkSet;
    /// HostEndpoint of Calico.
    HostEndpoint = "projectcalico.org/v3" "HostEndpoint" CLUSTER calico::HostEndpoint;
    /// WorkloadEndpoint of Calico.
    WorkloadEndpoint = "projectcalico.org/v3" "WorkloadEndpoint" NAMESPACED calico::WorkloadEndpoint;
    /// Profile of Calico.
    Profile = "projectcalico.org/v3" "Profile" CLUSTER calico::Profile;
    /// Namespace.
    Namespace = "v1" "Namespace" CLUSTER kubernetes::Namespace;
    /// Pod.
    Pod = "v1" "Pod" NAMESPACED kubernetes::Pod;
    /// Node.
    Node = "v1" "Node" CLUSTER kubernetes::Node;
    /// ServiceAccount.
    ServiceAccount = "v1" "ServiceAccount" NAMESPACED kubernetes::ServiceAccount;
    /// Service.
    Service = "v1" "Service" NAMESPACED kubernetes::Service;
    /// EndpointSlice.
    EndpointSlice = "discovery.k8s.io/v1" "EndpointSlice" NAMESPACED kubernetes::EndpointSlice;
    /// Deployment.
    Deployment = "apps/v1" "Deployment" NAMESPACED kubernetes::Deployment;
    /// StatefulSet.
    StatefulSet = "apps/v1" "StatefulSet" NAMESPACED kubernetes::StatefulSet;
    /// DaemonSet.
    DaemonSet = "apps/v1" "DaemonSet" NAMESPACED kubernetes::DaemonSet;
    /// ReplicaSet.
    ReplicaSet = "apps/v1" "ReplicaSet" NAMESPACED kubernetes::ReplicaSet;
    /// ReplicationController.
    ReplicationController = "v1" "ReplicationController" NAMESPACED kubernetes::ReplicationController;
    /// Job.
    Job = "batch/v1" "Job" NAMESPACED kubernetes::Job;
    /// CronJob.
    CronJob = "batch/v1" "CronJob" NAMESPACED kubernetes::CronJob;
}

/// What an `apiVersion` and a `kind` stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// A kind that is read.
    Known(Kind),
    /// A kind that is read, in a version that is not.
    UnsupportedVersion {
        /// The `apiVersion` to write instead.
        supported: &'static str,
    },
    /// A kind that bears on nothing here, or one of another group that happens to be called the same.
    Unknown,
}

/// The group of Calico's API.
const CALICO: &str = "projectcalico.org";
/// The group under which Calico stores the same objects in Kubernetes.
const CALICO_STORAGE: &str = "crd.projectcalico.org";
/// Its only version.
const CALICO_STORAGE_V1: &str = "crd.projectcalico.org/v1";

impl Kind {
    /// The kind that an `apiVersion` and a `kind` stand for.
    ///
    /// ```
    /// use tierwall::resource::{Kind, Lookup};
    /// assert_eq!(Kind::from_api("crd.projectcalico.org/v1", "NetworkPolicy"), Lookup::Known(Kind::CalicoNetworkPolicy));
    /// assert_eq!(Kind::from_api("cilium.io/v2", "CiliumNetworkPolicy"), Lookup::Unknown);
    /// ```
    pub fn from_api(api_version: &str, kind: &str) -> Lookup {
        let group = current_group(group_of(api_version), kind);
        match Kind::ALL.iter().find(|known| known.as_str() == kind && known.group() == group) {
            Some(&known) if known.accepts(api_version) => Lookup::Known(known),
            Some(known) => Lookup::UnsupportedVersion { supported: known.api_version() },
            None => Lookup::Unknown,
        }
    }

    /// The API group, empty for the core group.
    pub fn group(self) -> &'static str {
        group_of(self.api_version())
    }

    /// True for policies, staged ones too.
    pub const fn is_policy(self) -> bool {
        matches!(
            self,
            Kind::NetworkPolicy
                | Kind::AdminNetworkPolicy
                | Kind::BaselineAdminNetworkPolicy
                | Kind::ClusterNetworkPolicy
                | Kind::CalicoNetworkPolicy
                | Kind::GlobalNetworkPolicy
                | Kind::StagedNetworkPolicy
                | Kind::StagedGlobalNetworkPolicy
                | Kind::StagedKubernetesNetworkPolicy
        )
    }

    /// True if objects of this kind may say they are of this `apiVersion`.
    pub(super) fn accepts(self, api_version: &str) -> bool {
        api_version == self.api_version() || (self.group() == CALICO && api_version == CALICO_STORAGE_V1)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn group_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// The group that a kind of `group` is in today.
fn current_group<'a>(group: &'a str, kind: &str) -> &'a str {
    match (group, kind) {
        (CALICO_STORAGE, _) => CALICO,
        ("extensions", "NetworkPolicy") => "networking.k8s.io",
        ("extensions", "Deployment" | "DaemonSet" | "ReplicaSet") => "apps",
        _ => group,
    }
}
