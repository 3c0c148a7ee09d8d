use super::{Writer, opus_samples};

/// 176×144, baseline, from an encoder of our own.
const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x0b, 0xd9, 0x02, 0xc4, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40];
const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];
/// 20 ms of CELT, in one frame.
pub(super) const PACKET: &[u8] = &[0xfc, 0xff, 0xfe];

pub(super) fn key() -> Vec<u8> {
    [&[0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1], SPS, &[0, 0, 0, 1], PPS, &[0, 0, 1, 0x65, 0x88, 0x84]].concat()
}

pub(super) const OTHER: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x02];

/// A clip: a key frame each `every` frames at 30 fps, sound beside it if wanted.
fn clip(frames: u64, every: u64, sound: bool) -> Vec<u8> {
    let (mut writer, mut out, mut heard) = (Writer::new(sound), Vec::new(), 0);
    let key = key();
    for n in 0..frames {
        let is_key = n % every == 0;
        writer.video(n * 3_000, is_key, if is_key { &key } else { OTHER }, &mut out);
        while sound && heard * 960 < n * 1_600 {
            writer.sound(heard * 960, PACKET, &mut out);
            heard += 1;
        }
    }
    writer.finish(&mut out);
    out
}

/// Boxes of `data`, each with its name and content; the test fails where lengths don't add up.
fn children(mut data: &[u8]) -> Vec<(String, &[u8])> {
    let mut found = Vec::new();
    while !data.is_empty() {
        let size = u32::from_be_bytes(data[..4].try_into().unwrap()) as usize;
        assert!(size >= 8 && size <= data.len(), "a box of {size} bytes where {} are left", data.len());
        found.push((String::from_utf8(data[4..8].to_vec()).unwrap(), &data[8..size]));
        data = &data[size..];
    }
    found
}

/// The tree of boxes in words: `moof(mfhd traf(tfhd tfdt trun))`, with their sizes where they are leaves.
fn tree(data: &[u8]) -> String {
    let words = children(data).into_iter().map(|(name, content)| match name.as_str() {
        "moov" | "trak" | "mdia" | "minf" | "stbl" | "mvex" | "moof" | "traf" | "mfra" | "dinf" => {
            format!("{name}({})", tree(content))
        }
        "stsd" | "dref" => format!("{name}({})", tree(&content[8..])),
        "avc3" => format!("{name}({})", tree(&content[78..])),
        "Opus" => format!("{name}({})", tree(&content[28..])),
        _ => format!("{name}:{}", content.len()),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn find<'a>(data: &'a [u8], path: &str) -> Vec<&'a [u8]> {
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let here = children(data).into_iter().filter(|(n, _)| n == name).map(|(_, content)| content);
    match rest {
        Some(rest) => here.flat_map(|content| find(content, rest)).collect(),
        None => here.collect(),
    }
}

fn u32_at(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(data[at..at + 4].try_into().unwrap())
}

fn u64_at(data: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(data[at..at + 8].try_into().unwrap())
}

#[test]
fn a_file_has_exactly_these_boxes() {
    let out = clip(2, 30, true);
    let table = "stts:8 stsc:8 stsz:12 stco:8";
    let video = format!(
        "trak(tkhd:84 mdia(mdhd:24 hdlr:25 minf(vmhd:12 dinf(dref(url :4)) stbl(stsd(avc3(avcC:{})) {table}))))",
        11 + SPS.len() + PPS.len()
    );
    let sound = format!(
        "trak(tkhd:84 mdia(mdhd:24 hdlr:25 minf(smhd:8 dinf(dref(url :4)) stbl(stsd(Opus(dOps:11)) {table} sgpd:18))))"
    );
    let expected = format!(
        "ftyp:16 moov(mvhd:100 {video} {sound} mvex(trex:24 trex:24)) \
         moof(mfhd:8 traf(tfhd:8 tfdt:12 trun:36) traf(tfhd:8 tfdt:12 trun:28 sbgp:20)) mdat:{} \
         mfra(tfra:35 mfro:8)",
        4 + SPS.len() + 4 + PPS.len() + 4 + 3 + 4 + 3 + 2 * PACKET.len(),
    );
    assert_eq!(tree(&out), expected);
    assert!(!tree(&clip(2, 30, false)).contains("Opus"));
}

#[test]
fn samples_are_where_their_runs_say() {
    let out = clip(200, 45, true);
    let mut at = 0;
    let mut next = [0_u64; 2];
    let boxes = children(&out);
    for pair in boxes.windows(2) {
        let (start, moof) = (at, pair[0].1);
        at += pair[0].1.len() + 8;
        if pair[0].0 != "moof" {
            continue;
        }
        assert_eq!(pair[1].0, "mdat");
        for traf in find(moof, "traf") {
            let track = u32_at(find(traf, "tfhd")[0], 4) as usize;
            let (rate, base) = ([90_000, 48_000][track - 1], u64_at(find(traf, "tfdt")[0], 4));
            assert_eq!(base, next[track - 1], "fragments follow each other without a gap");
            let run = find(traf, "trun")[0];
            let (count, mut place) = (u32_at(run, 4) as usize, start + u32_at(run, 8) as usize);
            let width = if track == 1 { 12 } else { 8 };
            let mut time = base;
            for n in 0..count {
                let (length, size) = (u32_at(run, 12 + n * width), u32_at(run, 16 + n * width) as usize);
                let sample = &out[place..place + size];
                if track == 2 {
                    assert_eq!((sample, length), (PACKET, 960));
                } else {
                    let is_key = u32_at(run, 20 + n * width) == 0x0200_0000;
                    assert_eq!(length, 3_000);
                    assert_eq!(is_key, time.is_multiple_of(45 * 3_000));
                    // The first unit: a parameter set in front of a key frame, and no delimiter.
                    assert_eq!(sample[4], if is_key { 0x67 } else { 0x41 });
                    assert!(n == 0 || !is_key, "a key frame begins a fragment");
                }
                place += size;
                time += u64::from(length);
            }
            assert!((time - base) * 1000 <= 2_500 * rate, "{} ms", (time - base) * 1000 / rate);
            next[track - 1] = time;
        }
    }
    assert_eq!(next[0], 200 * 3_000);
    assert!(next[1] > 190 * 1_600);
}

#[test]
fn the_index_leads_to_the_key_frames() {
    let out = clip(200, 45, false);
    let tfra = find(&out, "mfra/tfra")[0];
    assert_eq!(u32_at(tfra, 12), 5);
    for n in 0..5 {
        let (time, place) = (u64_at(tfra, 16 + n * 19), u64_at(tfra, 24 + n * 19) as usize);
        assert_eq!(time, n as u64 * 45 * 3_000);
        assert_eq!(&out[place + 4..place + 8], b"moof");
    }
    let size = u32_at(find(&out, "mfra/mfro")[0], 4) as usize;
    assert_eq!(&out[out.len() - size + 4..out.len() - size + 8], b"mfra");
}

#[test]
fn nothing_is_written_before_a_fragment_is_whole_and_memory_has_a_bound() {
    let (mut writer, mut out) = (Writer::new(true), Vec::new());
    writer.sound(0, PACKET, &mut out);
    writer.video(0, false, OTHER, &mut out);
    writer.video(1, true, OTHER, &mut out);
    assert!(out.is_empty() && !writer.started(), "a start needs parameter sets");
    let (mut largest, big) = (0, [key(), vec![7; 1 << 20]].concat());
    for n in 0..100 {
        let before = out.len();
        writer.video(n, false, if n == 0 { &big } else { OTHER }, &mut out);
        writer.video(n, true, &big, &mut out);
        largest = largest.max(out.len() - before);
        // Whatever was given out is whole boxes.
        children(&out);
    }
    assert!(largest < 10 << 20, "{largest} bytes waited");
}

#[test]
fn a_gap_lengthens_the_frame_before_it_and_times_never_go_back() {
    let (mut writer, mut out) = (Writer::new(false), Vec::new());
    let key = key();
    for (at, is_key) in [(0, true), (3_000, false), (900_000, true), (800_000, false), (903_000, false)] {
        writer.video(at, is_key, if is_key { &key } else { OTHER }, &mut out);
    }
    writer.finish(&mut out);
    let runs = find(&out, "moof/traf/trun");
    let lengths: Vec<u32> =
        runs.iter().flat_map(|run| (0..u32_at(run, 4) as usize).map(|n| u32_at(run, 12 + 12 * n))).collect();
    assert_eq!(lengths[..3], [3_000, 897_000, 1]);
    let times: Vec<u64> = find(&out, "moof/traf/tfdt").iter().map(|tfdt| u64_at(tfdt, 4)).collect();
    assert_eq!(times, [0, 900_000]);
}

#[test]
fn lengths_of_opus_packets() {
    for (packet, samples) in [
        (&[0xfc][..], Some(960)),
        (&[0xfd], Some(1_920)),
        (&[0xe3, 3], Some(360)),
        (&[0x18], Some(2_880)),
        (&[0x68], Some(960)),
        (&[0x03, 13], None),
        (&[0x03], None),
        (&[], None),
    ] {
        assert_eq!(opus_samples(packet), samples, "{packet:x?}");
    }
}

#[test]
fn whatever_comes_what_goes_out_is_whole_boxes() {
    let (mut random, key) = (1_u64, key());
    let mut byte = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 56) as u8
    };
    for _ in 0..200 {
        let (mut writer, mut out) = (Writer::new(true), Vec::new());
        for _ in 0..40 {
            let mut unit = if byte() % 3 == 0 { key.clone() } else { (0..byte()).map(|_| byte() % 4).collect() };
            if byte() % 4 == 0 && !unit.is_empty() {
                let at = usize::from(byte()) % unit.len();
                unit[at] = byte();
            }
            let at = u64::from_be_bytes(std::array::from_fn(|_| byte())) >> (byte() % 64);
            match byte() % 3 {
                0 => writer.sound(at, &unit, &mut out),
                _ => writer.video(at, byte() % 2 == 0, &unit, &mut out),
            }
            children(&out);
        }
        writer.finish(&mut out);
        children(&out);
    }
}
