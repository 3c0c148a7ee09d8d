//! Names of days and months.

use super::Lang;

const DAYS: [[&str; 2]; 7] = [
    ["Monday", "lundi"],
    ["Tuesday", "mardi"],
    ["Wednesday", "mercredi"],
    ["Thursday", "jeudi"],
    ["Friday", "vendredi"],
    ["Saturday", "samedi"],
    ["Sunday", "dimanche"],
];
const DAYS_SHORT: [[&str; 2]; 7] = [
    ["Mon", "lun."],
    ["Tue", "mar."],
    ["Wed", "mer."],
    ["Thu", "jeu."],
    ["Fri", "ven."],
    ["Sat", "sam."],
    ["Sun", "dim."],
];
const MONTHS: [[&str; 2]; 12] = [
    ["January", "janvier"],
    ["February", "février"],
    ["March", "mars"],
    ["April", "avril"],
    ["May", "mai"],
    ["June", "juin"],
    ["July", "juillet"],
    ["August", "août"],
    ["September", "septembre"],
    ["October", "octobre"],
    ["November", "novembre"],
    ["December", "décembre"],
];
const MONTHS_SHORT: [[&str; 2]; 12] = [
    ["Jan", "janv."],
    ["Feb", "févr."],
    ["Mar", "mars"],
    ["Apr", "avr."],
    ["May", "mai"],
    ["Jun", "juin"],
    ["Jul", "juil."],
    ["Aug", "août"],
    ["Sept", "sept."],
    ["Oct", "oct."],
    ["Nov", "nov."],
    ["Dec", "déc."],
];

fn of(table: &[[&str; 2]], at: usize, lang: Lang) -> String {
    let [english, french] = table.get(at).copied().unwrap_or_default();
    match lang {
        Lang::En => english.to_owned(),
        Lang::Fr => french.to_owned(),
        #[cfg(test)]
        Lang::Pseudo => super::pseudo(english),
    }
}

/// A day of the week, from Monday, 0.
pub fn weekday(lang: Lang, day: usize) -> String {
    of(&DAYS, day, lang)
}

pub fn weekday_short(lang: Lang, day: usize) -> String {
    of(&DAYS_SHORT, day, lang)
}

/// A month, from January, 1.
pub fn month(lang: Lang, month: i8) -> String {
    of(&MONTHS, usize::try_from(month - 1).unwrap_or_default(), lang)
}

pub fn month_short(lang: Lang, month: i8) -> String {
    of(&MONTHS_SHORT, usize::try_from(month - 1).unwrap_or_default(), lang)
}
