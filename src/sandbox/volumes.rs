//! What a sandbox has mounted beside its image: nothing, if all datasets of the class are part of that.

use crate::crd::{DatasetSource, SandboxClassSpec};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::names::label_value;

/// Container runtimes put a writable tmpfs and the message queues' file system at these places of every pod that brings
/// nothing of its own for them.
const NOTHING_AT: [&str; 2] = ["/dev/shm", "/dev/mqueue"];

/// Name of the volume that is mounted there. That of a dataset has a prefix, so none can be the same.
const NOTHING: &str = "nothing";

/// The volumes and their mounts, all read-only: those of the datasets that have an image of their own, and with them the
/// empty one for [`NOTHING_AT`].
///
/// A sandbox without datasets' volumes does without that one, too: a kubelet lets 300 ms pass before it looks whether the
/// volumes of a pod are there (`podAttachAndMountRetryInterval` of Kubernetes 1.35), a fifth of a sandbox's start. Its
/// shared memory is then a tmpfs of the pod's own, out of reach for an evaluation by Landlock, by stage 2 and by limits of
/// 0 on files and message queues.
pub(super) fn volumes(class: &SandboxClassSpec) -> (Vec<core::Volume>, Vec<core::VolumeMount>) {
    let datasets: Vec<_> = class.datasets.iter().filter_map(dataset).collect();
    if datasets.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let (mut volumes, mut mounts) = (vec![nothing()], NOTHING_AT.map(|path| mount(NOTHING, path)).to_vec());
    for (volume, mount) in datasets {
        volumes.push(volume);
        mounts.push(mount);
    }
    (volumes, mounts)
}

/// A dataset's volume and where it is mounted; none if the dataset is part of the class's image.
fn dataset(dataset: &DatasetSource) -> Option<(core::Volume, core::VolumeMount)> {
    let image = dataset.image.as_ref()?;
    // A volume's name has at most 63 characters, which a dataset's name may already have.
    let name = label_value(&format!("dataset-{}", dataset.name));
    let mount = mount(&name, &format!("/datasets/{}", dataset.name));
    let source = core::ImageVolumeSource {
        reference: Some(image.reference.clone()),
        pull_policy: Some("IfNotPresent".into()),
    };
    Some((core::Volume { name, image: Some(source), ..core::Volume::default() }, mount))
}

fn nothing() -> core::Volume {
    let empty = core::EmptyDirVolumeSource { medium: None, size_limit: Some(Quantity("1Mi".into())) };
    core::Volume { name: NOTHING.into(), empty_dir: Some(empty), ..core::Volume::default() }
}

fn mount(volume: &str, path: &str) -> core::VolumeMount {
    core::VolumeMount {
        name: volume.into(),
        mount_path: path.into(),
        read_only: Some(true),
        ..core::VolumeMount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(datasets: &serde_json::Value) -> SandboxClassSpec {
        serde_json::from_value(serde_json::json!({"image": "localhost/sandbox:1", "datasets": datasets}))
            .unwrap()
    }

    #[test]
    fn datasets_of_the_classs_image_need_no_volume() {
        for datasets in
            [serde_json::json!([]), serde_json::json!([{"name": "a"}, {"name": "b", "format": "parquet"}])]
        {
            assert_eq!(volumes(&class(&datasets)), (Vec::new(), Vec::new()));
        }
    }

    #[test]
    fn one_dataset_with_an_image_of_its_own_brings_the_empty_volume_too() {
        let datasets =
            serde_json::json!([{"name": "a"}, {"name": "b", "image": {"reference": "localhost/b:1"}}]);
        let (volumes, mounts) = volumes(&class(&datasets));
        let named: Vec<_> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        assert_eq!(named, ["nothing", "dataset-b"]);
        let at: Vec<_> =
            mounts.iter().map(|mount| (mount.name.as_str(), mount.mount_path.as_str())).collect();
        assert_eq!(at, [("nothing", "/dev/shm"), ("nothing", "/dev/mqueue"), ("dataset-b", "/datasets/b")]);
        assert!(mounts.iter().all(|mount| mount.read_only == Some(true)));
    }
}
