"""Names of the months in many languages, and words that label a date of publication or update."""

# Names in one language are one line, however long.
# ruff: noqa: E501

from crawler.bengali.date_patterns import MONTHS as BENGALI_AND_ENGLISH
from crawler.bengali.text import search_key

# By language, the names from January to December; forms and abbreviations of one month are joined by a slash.
_NAMES = {
    "de": "januar/jänner/jän febr/februar/feber märz/maerz/mär/mrz april mai juni juli august september oktober/okt november dezember/dez",
    "fr": "janvier/janv février/fevrier/févr/fév mars avril/avr mai juin juillet/juil août/aout septembre octobre novembre décembre/decembre/déc",
    "es": "enero/ene febrero marzo abril/abr mayo junio julio agosto/ago septiembre/setiembre/set octubre noviembre diciembre/dic",
    "pt": "janeiro fevereiro/fev março/marco abril maio/mai junho julho agosto setembro outubro/out novembro dezembro",
    "it": "gennaio/gen febbraio marzo aprile maggio/mag giugno/giu luglio/lug agosto settembre/sett ottobre/ott novembre dicembre",
    "ca": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
    "nl": "januari februari maart/mrt april mei juni juli augustus september oktober november december",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "da": "januar februar marts april maj juni juli august september oktober november december/des",
    "fi": "tammikuuta/tammikuu helmikuuta/helmikuu maaliskuuta/maaliskuu huhtikuuta/huhtikuu toukokuuta/toukokuu kesäkuuta/kesäkuu"
    " heinäkuuta/heinäkuu elokuuta/elokuu syyskuuta/syyskuu lokakuuta/lokakuu marraskuuta/marraskuu joulukuuta/joulukuu",
    "pl": "stycznia/styczeń/sty lutego/luty/lut marca/marzec kwietnia/kwiecień/kwi maja czerwca/czerwiec/cze lipca/lipiec/lip"
    " sierpnia/sierpień/sie września/wrzesień/wrz października/październik/paź listopada/listopad/lis grudnia/grudzień/gru",
    "cs": "ledna/leden února/únor března/březen dubna/duben května/květen června/červen července/červenec srpna/srpen září"
    " října/říjen listopadu prosince/prosinec",
    "sk": "januára februára marca apríla mája júna júla augusta septembra októbra novembra decembra",
    "hu": "január februar/február március április május június július augusztus szeptember október november december",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "hr": "siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga/studenog prosinca",
    "sl": "januarja februarja marca aprila maja junija julija avgusta septembra oktobra novembra decembra",
    "tr": "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    "ru": "января/янв/январь февраля/фев/февраль марта/мар/март апреля/апр/апрель мая/май июня/июн/июнь июля/июл/июль"
    " августа/авг/август сентября/сен/сентябрь октября/окт/октябрь ноября/ноя/ноябрь декабря/дек/декабрь",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "bg": "януари февруари март април май юни юли август септември октомври ноември декември",
    "el": "ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου/μαίου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου",
    "id": "januari februari/peb maret april mei juni juli agustus/agt september oktober november desember",
    "hi": "जनवरी फरवरी/फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर/सितम्बर अक्टूबर/अक्तूबर नवंबर/नवम्बर दिसंबर/दिसम्बर",
    "ar": "يناير فبراير مارس أبريل/ابريل مايو يونيو يوليو أغسطس/اغسطس سبتمبر أكتوبر/اكتوبر نوفمبر ديسمبر",
}
# The name of October in Croatian and of November in Polish.
_AMBIGUOUS = frozenset(("listopada",))

MONTHS = {
    search_key(form): number
    for names in _NAMES.values()
    for number, forms in enumerate(names.split(), start=1)
    for form in forms.split("/")
    if form not in _AMBIGUOUS
} | BENGALI_AND_ENGLISH

# Words before a date. The date after a word of an update is not that of publication.
PUBLISHED_WORDS = (
    "published|publish date|posted|post date|first published|released|release date|created|date|written|filed|প্রকাশ|প্রকাশিত|প্রকাশকাল|আপলোড"
    "|veröffentlicht|erschienen|erstellt|datum|publié|publie|mis en ligne|posté|publicado|publicada|creado|fecha|pubblicato|data"
    "|gepubliceerd|geplaatst|opublikowano|dodano|publicerad|publisert|publiceret|julkaistu|publikováno|vydáno|megjelent|publicat"
    "|yayınlanma|опубликовано|дата|опубліковано|diterbitkan"
)
UPDATED_WORDS = (
    "updated|update|last updated|modified|last modified|edited|revised|reviewed|আপডেট|হালনাগাদ|সর্বশেষ আপডেট|শেষ আপডেট"
    "|aktualisiert|geändert|zuletzt geändert|letzte änderung|letzte aktualisierung|stand|mis à jour|mise à jour|modifié|dernière mise à jour|actualizado|actualizada|modificado|atualizado|atualizada"
    "|aggiornato|aggiornata|ultima modifica|bijgewerkt|gewijzigd|aktualizacja|zaktualizowano|uppdaterad|oppdatert|opdateret|päivitetty"
    "|aktualizováno|frissítve|actualizat|güncelleme|обновлено|изменено|оновлено|diperbarui"
)
