//! Sequence parameter sets (7.3.2.1.1, annex E.1.1), as far as size, profile and reordering go.

/// What a sequence parameter set says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sps {
    /// Luma samples after cropping.
    pub width: u32,
    pub height: u32,
    /// `profile_idc`, constraint flags, `level_idc`: RFC 6184 §8.1 `profile-level-id`.
    pub profile_level_id: [u8; 3],
    pub reorder: Reorder,
    /// `time_scale` and twice `num_units_in_tick` of the VUI, where present: frames a second as a fraction.
    pub frame_rate: Option<(u32, u32)>,
    /// Pictures may be fields (`frame_mbs_only_flag` is 0).
    pub interlaced: bool,
    /// Samples use all of 0 to 255 (`video_full_range_flag`).
    pub full_range: bool,
    /// `matrix_coefficients` (table E-5), where the VUI tells: 1 is BT.709, 5 and 6 are BT.601.
    pub matrix: Option<u8>,
}

/// Whether pictures may be shown in another order than they are coded in (B pictures).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reorder {
    /// Never.
    None,
    /// By this many frames at most (`max_num_reorder_frames`).
    Frames(u32),
    /// Nothing rules it out; a look at the slices tells.
    Unknown,
}

/// Why a sequence parameter set can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpsError {
    #[error("not a sequence parameter set: NAL unit type {0:?}")]
    NotSps(Option<u8>),
    #[error("it ends inside {0}")]
    Truncated(&'static str),
    #[error("{0} is out of range")]
    Range(&'static str),
}

/// Largest picture side that we take, in luma samples. Level 6.2 allows 16,880 (annex A.3.1).
const MAX_SIDE: u32 = 16_880;

/// Parses a NAL unit that starts with its header byte.
pub fn parse_sps(nal: &[u8]) -> Result<Sps, SpsError> {
    let nal_type = super::nal_unit_type(nal);
    if nal_type != Some(super::nal_type::SPS) {
        return Err(SpsError::NotSps(nal_type));
    }
    let mut bits = Bits::new(nal.get(1..).unwrap_or_default());
    let profile = bits.need(8, "profile_idc")?;
    let constraints = bits.need(8, "constraint flags")?;
    let level = bits.need(8, "level_idc")?;
    bits.need_ue(31, "seq_parameter_set_id")?;

    let mut chroma = 1;
    let mut separate_planes = false;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.need_ue(3, "chroma_format_idc")?;
        if chroma == 3 {
            separate_planes = bits.flag("separate_colour_plane_flag")?;
        }
        bits.need_ue(6, "bit_depth_luma")?;
        bits.need_ue(6, "bit_depth_chroma")?;
        bits.flag("qpprime_y_zero_transform_bypass_flag")?;
        if bits.flag("seq_scaling_matrix_present_flag")? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.flag("seq_scaling_list_present_flag")? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.need_ue(12, "log2_max_frame_num")?;
    let order_type = bits.need_ue(2, "pic_order_cnt_type")?;
    match order_type {
        0 => {
            bits.need_ue(12, "log2_max_pic_order_cnt_lsb")?;
        }
        1 => {
            bits.flag("delta_pic_order_always_zero_flag")?;
            bits.need_se("offset_for_non_ref_pic")?;
            bits.need_se("offset_for_top_to_bottom_field")?;
            for _ in 0..bits.need_ue(255, "num_ref_frames_in_pic_order_cnt_cycle")? {
                bits.need_se("offset_for_ref_frame")?;
            }
        }
        _ => {}
    }
    bits.need_ue(16, "max_num_ref_frames")?;
    bits.flag("gaps_in_frame_num_value_allowed_flag")?;
    let width_mbs = bits.need_ue(MAX_SIDE / 16, "pic_width_in_mbs")? + 1;
    let height_units = bits.need_ue(MAX_SIDE / 16, "pic_height_in_map_units")? + 1;
    let frame_mbs_only = bits.flag("frame_mbs_only_flag")?;
    if !frame_mbs_only {
        bits.flag("mb_adaptive_frame_field_flag")?;
    }
    bits.flag("direct_8x8_inference_flag")?;
    let field_factor = if frame_mbs_only { 1 } else { 2 };
    let (mut width, mut height) = (width_mbs * 16, height_units * 16 * field_factor);
    if bits.flag("frame_cropping_flag")? {
        let mut sides = [0; 4];
        for side in &mut sides {
            *side = bits.need_ue(MAX_SIDE, "frame_crop_offset")?;
        }
        let [left, right, top, bottom] = sides;
        // Table 6-1: chroma samples are 2x2 (4:2:0), 2x1 (4:2:2) or 1x1 luma samples.
        let (unit_x, unit_y) = match (chroma, separate_planes) {
            (1, _) => (2, 2),
            (2, _) => (2, 1),
            _ => (1, 1),
        };
        width = width
            .checked_sub(unit_x * (left + right))
            .filter(|w| *w > 0)
            .ok_or(SpsError::Range("horizontal cropping"))?;
        height = height
            .checked_sub(unit_y * field_factor * (top + bottom))
            .filter(|h| *h > 0)
            .ok_or(SpsError::Range("vertical cropping"))?;
    }
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(SpsError::Range("picture size"));
    }

    // Baseline (66) has no B slices (annex A.2.1); order type 2 shows pictures as they are coded (8.2.1.3).
    let mut reorder = if profile == 66 || order_type == 2 { Reorder::None } else { Reorder::Unknown };
    let (mut frame_rate, mut full_range, mut matrix) = (None, false, None);
    if bits.flag("vui_parameters_present_flag")? {
        // A VUI that is cut short costs its hints, not the picture.
        let vui = parse_vui(&mut bits);
        frame_rate = vui.frame_rate;
        full_range = vui.full_range;
        matrix = vui.matrix;
        match vui.reorder {
            Some(0) => reorder = Reorder::None,
            Some(n) if reorder != Reorder::None => reorder = Reorder::Frames(n),
            _ => {}
        }
    }
    let profile_level_id = [profile as u8, constraints as u8, level as u8];
    Ok(Sps { width, height, profile_level_id, reorder, frame_rate, interlaced: !frame_mbs_only, full_range, matrix })
}

#[derive(Default)]
struct Vui {
    reorder: Option<u32>,
    frame_rate: Option<(u32, u32)>,
    full_range: bool,
    matrix: Option<u8>,
}

fn parse_vui(bits: &mut Bits<'_>) -> Vui {
    let mut vui = Vui::default();
    // `None` wherever the bits run out; what was read until then stays.
    let mut read = || -> Option<()> {
        if bits.bit()? && bits.bits(8)? == 255 {
            bits.bits(32)?; // sar_width, sar_height
        }
        if bits.bit()? {
            bits.bit()?; // overscan_appropriate_flag
        }
        if bits.bit()? {
            bits.bits(3)?; // video_format
            vui.full_range = bits.bit()?;
            if bits.bit()? {
                bits.bits(16)?; // colour_primaries, transfer_characteristics
                vui.matrix = Some(bits.bits(8)? as u8);
            }
        }
        if bits.bit()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?;
        }
        if bits.bit()? {
            let (tick, scale) = (bits.bits(32)?, bits.bits(32)?);
            bits.bit()?; // fixed_frame_rate_flag
            if tick > 0 && scale > 0 {
                vui.frame_rate = tick.checked_mul(2).map(|ticks| (scale, ticks));
            }
        }
        let nal_hrd = bits.bit()?;
        if nal_hrd {
            skip_hrd(bits)?;
        }
        let vcl_hrd = bits.bit()?;
        if vcl_hrd {
            skip_hrd(bits)?;
        }
        if nal_hrd || vcl_hrd {
            bits.bit()?; // low_delay_hrd_flag
        }
        bits.bit()?; // pic_struct_present_flag
        if bits.bit()? {
            bits.bit()?; // motion_vectors_over_pic_boundaries_flag
            for _ in 0..4 {
                bits.ue()?;
            }
            vui.reorder = Some(bits.ue()?);
        }
        Some(())
    };
    read();
    vui
}

fn skip_hrd(bits: &mut Bits<'_>) -> Option<()> {
    let count = bits.ue()?;
    if count > 31 {
        return None;
    }
    bits.bits(8)?;
    for _ in 0..=count {
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
    }
    bits.bits(20)?;
    Some(())
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Result<(), SpsError> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            let delta = bits.need_se("delta_scale")?;
            next = last.wrapping_add(delta).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Ok(())
}

/// Reads bits of a NAL unit's payload, leaving out emulation prevention bytes (7.4.1.1).
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// Bits of the current byte already read.
    used: u32,
    zeros: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, used: 0, zeros: 0 }
    }

    fn bit(&mut self) -> Option<bool> {
        if self.used == 0 && self.zeros >= 2 && self.data.get(self.at) == Some(&3) {
            self.at += 1;
            self.zeros = 0;
        }
        let byte = *self.data.get(self.at)?;
        let bit = byte >> (7 - self.used) & 1 == 1;
        self.used += 1;
        if self.used == 8 {
            self.used = 0;
            self.at += 1;
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
        }
        Some(bit)
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |n, _| Some(n << 1 | u32::from(self.bit()?)))
    }

    /// Unsigned exponential Golomb code (9.1), at most 2^32 - 2.
    pub(super) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some(((1u64 << zeros) - 1 + u64::from(self.bits(zeros)?)) as u32)
    }

    fn need(&mut self, count: u32, what: &'static str) -> Result<u32, SpsError> {
        self.bits(count).ok_or(SpsError::Truncated(what))
    }

    fn flag(&mut self, what: &'static str) -> Result<bool, SpsError> {
        self.bit().ok_or(SpsError::Truncated(what))
    }

    fn need_ue(&mut self, max: u32, what: &'static str) -> Result<u32, SpsError> {
        let value = self.ue().ok_or(SpsError::Truncated(what))?;
        if value <= max { Ok(value) } else { Err(SpsError::Range(what)) }
    }

    fn need_se(&mut self, what: &'static str) -> Result<i32, SpsError> {
        let code = i64::from(self.ue().ok_or(SpsError::Truncated(what))?);
        // 9.1.1: 1, -1, 2, -2, …
        Ok((if code % 2 == 1 { (code + 1) / 2 } else { -code / 2 }) as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes bits, for parameter sets made to measure.
    #[derive(Default)]
    struct Writer {
        bits: Vec<bool>,
    }

    impl Writer {
        fn u(&mut self, count: u32, value: u32) -> &mut Self {
            self.bits.extend((0..count).rev().map(|i| value >> i & 1 == 1));
            self
        }

        fn ue(&mut self, value: u32) -> &mut Self {
            let length = 32 - (value + 1).leading_zeros();
            self.u(length - 1, 0).u(length, value + 1)
        }

        fn nal(&self) -> Vec<u8> {
            let mut nal = vec![0x67];
            let mut bits = self.bits.clone();
            bits.push(true);
            for byte in bits.chunks(8) {
                let value = byte.iter().enumerate().fold(0, |n, (i, b)| n | u8::from(*b) << (7 - i));
                if nal.len() > 3 && value <= 3 && nal.ends_with(&[0, 0]) {
                    nal.push(3);
                }
                nal.push(value);
            }
            nal
        }
    }

    fn baseline(width_mbs: u32, height_mbs: u32, crop_bottom: u32) -> Writer {
        let mut w = Writer::default();
        w.u(8, 66).u(8, 0xe0).u(8, 31).ue(0).ue(0).ue(2).ue(1).u(1, 0);
        w.ue(width_mbs - 1).ue(height_mbs - 1).u(1, 1).u(1, 1);
        if crop_bottom > 0 {
            w.u(1, 1).ue(0).ue(0).ue(0).ue(crop_bottom);
        } else {
            w.u(1, 0);
        }
        w
    }

    #[test]
    fn a_baseline_set_gives_size_and_no_reordering() {
        let mut w = baseline(120, 68, 4);
        let sps = parse_sps(&w.u(1, 0).nal()).unwrap();
        assert_eq!((sps.width, sps.height), (1920, 1080));
        assert_eq!(sps.profile_level_id, [0x42, 0xe0, 0x1f]);
        assert_eq!(sps.reorder, Reorder::None);
    }

    #[test]
    fn a_set_of_a_common_encoder_is_read() {
        // x264, high profile, with VUI and emulation prevention bytes in it.
        let nal = [
            0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
            0x00, 0x03, 0x03, 0x20, 0xf1, 0x83, 0x19, 0x60,
        ];
        let sps = parse_sps(&nal).unwrap();
        assert_eq!((sps.width, sps.height, sps.frame_rate), (1280, 720, Some((50, 2))));
        assert_eq!(sps.reorder, Reorder::Frames(2));
    }

    #[test]
    fn fields_and_full_range_are_noticed() {
        let mut w = baseline(40, 30, 0);
        let plain = parse_sps(&w.u(1, 0).nal()).unwrap();
        assert!(!plain.interlaced && !plain.full_range);

        let mut w = Writer::default();
        w.u(8, 77).u(8, 0).u(8, 31).ue(0).ue(0).ue(2).ue(1).u(1, 0);
        w.ue(39).ue(14).u(1, 0).u(1, 0).u(1, 1).u(1, 0); // map units of two fields
        w.u(1, 1).u(1, 0).u(1, 0).u(1, 1).u(3, 5).u(1, 1).u(1, 0).u(1, 0).u(1, 0).u(2, 0).u(1, 0).u(1, 0);
        let sps = parse_sps(&w.nal()).unwrap();
        assert_eq!((sps.height, sps.interlaced, sps.full_range), (480, true, true));
        assert_eq!(sps.matrix, None);
    }

    #[test]
    fn the_matrix_of_the_colours_is_read_where_it_is_told() {
        let mut w = baseline(40, 30, 0);
        let start = w.bits.len();
        for matrix in [1, 5, 6] {
            w.bits.truncate(start);
            // video_signal_type_present_flag, video_format, full range, colour_description_present_flag
            w.u(1, 1).u(1, 0).u(1, 0).u(1, 1).u(3, 5).u(1, 0).u(1, 1).u(8, 1).u(8, 1).u(8, matrix);
            assert_eq!(parse_sps(&w.nal()).unwrap().matrix, Some(matrix as u8));
        }
    }

    #[test]
    fn a_high_profile_set_tells_its_reordering_and_rate() {
        let mut w = Writer::default();
        w.u(8, 100).u(8, 0).u(8, 40).ue(0).ue(1).ue(0).ue(0).u(1, 0).u(1, 0);
        w.ue(0).ue(0).ue(2).ue(4).u(1, 0).ue(79).ue(44).u(1, 1).u(1, 1).u(1, 0);
        let plain = w.bits.len();
        w.u(1, 0);
        assert_eq!(parse_sps(&w.nal()).unwrap().reorder, Reorder::Unknown);
        w.bits.truncate(plain);
        w.u(1, 1).u(4, 0).u(1, 1).u(32, 1001).u(32, 60_000).u(1, 1).u(2, 0).u(1, 0);
        w.u(1, 1).u(1, 1).ue(0).ue(0).ue(10).ue(10).ue(2).ue(4);
        let sps = parse_sps(&w.nal()).unwrap();
        assert_eq!((sps.width, sps.height), (1280, 720));
        assert_eq!(sps.reorder, Reorder::Frames(2));
        assert_eq!(sps.frame_rate, Some((60_000, 2002)));
    }

    #[test]
    fn cut_and_absurd_sets_are_errors() {
        let nal = baseline(120, 68, 4).u(1, 0).nal();
        for cut in 0..nal.len() - 1 {
            assert!(parse_sps(&nal[..cut]).is_err(), "{cut}");
        }
        assert!(parse_sps(&baseline(4, 4, 100).u(1, 0).nal()).is_err(), "cropped away");
        assert!(parse_sps(&baseline(5000, 4, 0).u(1, 0).nal()).is_err(), "too wide");
        assert!(parse_sps(&[0x67; 64]).is_err());
        assert!(parse_sps(&[0x67, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert_eq!(parse_sps(&[0x68, 1]), Err(SpsError::NotSps(Some(8))));
    }

    #[test]
    fn no_input_panics() {
        let mut seed = 1u32;
        for _ in 0..20_000 {
            let mut nal = vec![0x67];
            nal.extend((0..24).map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8 & (seed >> 16) as u8
            }));
            let _ = parse_sps(&nal);
            let _ = super::super::slice_type(&nal);
        }
    }
}
