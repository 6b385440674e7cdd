//! Charts whose templates loop, repeat and recurse without end, and archives that unpack to more than they are.

use std::fs::File;
use std::io::Write;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "endless-charts",
    about: "charts whose templates loop, repeat, recurse, and whose archives are bombs",
    budget: Budget::USUAL.with_memory(1024),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

/// Templates that would go on for ever, or take all memory.
const TEMPLATES: [&str; 14] = [
    "{{ range until 1000000000 }}a{{ end }}",
    "{{ range $i, $_ := until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}",
    "{{ repeat 1000000000 \"abcdefgh\" }}",
    "{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}",
    "{{ define \"x\" }}{{ include \"x\" . }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}",
    "{{ $t := \"{{ tpl .Values.t . }}\" }}{{ $_ := set .Values \"t\" $t }}{{ tpl $t . }}",
    "{{ $s := \"a\" }}{{ range until 64 }}{{ $s = printf \"%s%s\" $s $s }}{{ end }}{{ $s }}",
    "{{ $l := list 1 }}{{ range until 64 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}",
    "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}",
    "{{ regexReplaceAll \"(a*)*b\" (repeat 100000 \"a\") \"x\" }}{{ regexMatch \"((a{1,100}){1,100}){1,100}\" \"a\" }}",
    "{{ printf \"%1000000000d\" 1 }}{{ printf \"%.1000000000f\" 1.0 }}",
    "{{ seq 1 1000000000 }}{{ indent 1000000000 \"a\" }}",
    "{{ range until 100000 }}{{ genPrivateKey \"rsa\" }}{{ end }}",
    "{{ range until 100000 }}{{ htpasswd \"a\" \"b\" }}{{ derivePassword 1 \"maximum\" \"a\" \"b\" \"c\" }}{{ end }}",
];

async fn play(stage: &Stage) -> Result<()> {
    // What is cut off after a number of steps takes a processor some seconds until then.
    let count = stage.pick(11, TEMPLATES.len());
    for (number, template) in TEMPLATES.into_iter().take(count).enumerate() {
        let name = format!("chart-{number}");
        let (repository, url) = stage.repository(&name);
        let chart = repository.path.join("app/charts/chart/templates");
        std::fs::create_dir_all(&chart)?;
        std::fs::write(chart.join("../Chart.yaml"), "apiVersion: v2\nname: chart\nversion: 1.0.0\n")?;
        std::fs::write(chart.join("../values.yaml"), "t: '{{ tpl .Values.t . }}'\n")?;
        std::fs::write(chart.join("a.yaml"), format!("a: {template}\n"))?;
        repository.commit("app/kustomization.yaml", "helmCharts: [{name: chart, releaseName: r}]\n");
        stage.follow(&name, &url, json!({})).await?;
    }
    let (repository, url) = stage.repository("archive");
    let charts = repository.path.join("app/charts/chart/charts");
    std::fs::create_dir_all(&charts)?;
    std::fs::write(charts.join("../Chart.yaml"), "apiVersion: v2\nname: chart\nversion: 1.0.0\n")?;
    std::fs::write(charts.join("../values.yaml"), "")?;
    bomb(File::create(charts.join("bomb-1.0.0.tgz"))?, stage.pick(110, 4_000))?;
    repository.commit("app/kustomization.yaml", "helmCharts: [{name: chart, releaseName: r}]\n");
    stage.follow("archive", &url, json!({})).await?;
    for name in (0..count).map(|number| format!("chart-{number}")).chain(["archive".to_owned()]) {
        let (status, message) = stage.verdict(&name).await?;
        holds(status == "False" && message.len() < 64 * 1024, (name, message))?;
    }
    Ok(())
}

/// An archive of a file of so many MiB of zeros, and of the same name a thousand times.
fn bomb(file: File, size: u64) -> Result<()> {
    let mut packed = GzEncoder::new(file, Compression::fast());
    let header = |length: u64| {
        let mut header = [0; 512];
        let fields: [(usize, String); 6] = [
            (0, "bomb/templates/a.yaml".to_owned()),
            (100, "0000644\0".to_owned()),
            (124, format!("{length:011o} ")),
            (136, "00000000000 ".to_owned()),
            (148, " ".repeat(8)),
            (257, "ustar\x0000".to_owned()),
        ];
        let mut put =
            |at: usize, text: &str| header.iter_mut().skip(at).zip(text.bytes()).for_each(|(to, from)| *to = from);
        fields.iter().for_each(|(at, text)| put(*at, text));
        put(156, "0");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        format!("{sum:06o}\0 ").bytes().zip(148..).for_each(|(byte, at)| header[at] = byte);
        header
    };
    for _ in 0..1_000 {
        packed.write_all(&header(0))?;
    }
    packed.write_all(&header(size << 20))?;
    for _ in 0..size {
        packed.write_all(&vec![0; 1 << 20])?;
    }
    packed.finish()?;
    Ok(())
}
