//! Workloads (`apps/v1`, `batch/v1` and ReplicationController): where pods come from. Only the template of the pods
//! bears on policy.

use super::PodSpec;
use crate::resource::ObjectMeta;

objects! { lenient
    /// A Deployment.
    pub struct Deployment is Deployment {
        /// Its pods.
        pub spec: WorkloadSpec,
    }

    /// A StatefulSet.
    pub struct StatefulSet is StatefulSet {
        /// Its pods.
        pub spec: WorkloadSpec,
    }

    /// A DaemonSet.
    pub struct DaemonSet is DaemonSet {
        /// Its pods.
        pub spec: WorkloadSpec,
    }

    /// A ReplicaSet.
    pub struct ReplicaSet is ReplicaSet {
        /// Its pods.
        pub spec: WorkloadSpec,
    }

    /// A ReplicationController.
    pub struct ReplicationController is ReplicationController {
        /// Its pods.
        pub spec: WorkloadSpec,
    }

    /// A Job.
    pub struct Job is Job {
        /// Its pods.
        pub spec: WorkloadSpec,
    }

    /// A CronJob.
    pub struct CronJob is CronJob {
        /// Its jobs.
        pub spec: CronJobSpec,
    }
}

lenient! {
    /// The pods of a workload.
    pub struct WorkloadSpec {
        /// How many there should be; absent: 1, or what the kind goes by instead (DaemonSet, Job).
        pub replicas: Option<i64>,
        /// What each of them is made from.
        pub template: PodTemplateSpec,
    }

    /// What the pods of a workload are made from.
    pub struct PodTemplateSpec {
        /// Their labels and annotations.
        pub metadata: ObjectMeta,
        /// What they run.
        pub spec: PodSpec,
    }

    /// The jobs of a [`CronJob`].
    pub struct CronJobSpec {
        /// What each of them is made from.
        pub job_template: JobTemplateSpec,
    }

    /// What the jobs of a [`CronJob`] are made from.
    pub struct JobTemplateSpec {
        /// The pods of a job.
        pub spec: WorkloadSpec,
    }
}
