"""What synthetic tickets say: topics by department, signs of urgency by priority, and the small talk around them.

`{a|b|c}` is a choice, `<name>` a slot that `tickets.py` fills; a slot may stand in a choice, a choice in no other.
"""

from typing import NamedTuple


class Topic(NamedTuple):
    """Something tickets are about. `mood` says how its tickets spread over the priorities."""

    mood: str
    titles: tuple[str, ...]
    sentences: tuple[str, ...]


# How many of 100 tickets of a mood are Urgent, High, Medium, Low.
MOODS = {"outage": (42, 32, 20, 6), "trouble": (14, 30, 38, 18), "question": (4, 16, 40, 40)}
PRIORITIES = ("Urgent", "High", "Medium", "Low")
DEPARTMENTS = {"Tech Support": 45, "Billing": 32, "Sales": 23}

TOPICS: dict[str, tuple[Topic, ...]] = {
    "Tech Support": (
        Topic(
            "outage",
            ("{Cannot|Can't|Unable to} log in", "Login {fails|broken|not working} since <when>", "Locked out of <app>"),
            (
                "{I|We} {cannot|can't|are not able to} {log in|sign in} to <app> since <when>.",
                "The login page {says|shows} <code> and sends {me|us} back to the start.",
                "{Resetting the password|A new password|Clearing the cache} did not help.",
                "{It|The login page} says {my|our} account is locked and {I|we} cannot {get in|log in}.",
                "The two-factor code {never arrives|is rejected every time}.",
            ),
        ),
        Topic(
            "outage",
            (
                "<app> {is down|does not load|unreachable}",
                "{Error|Getting} <code> on every page",
                "Blank screen in <app>",
            ),
            (
                "<app> {is down|does not load|only shows a blank page} since <when>.",
                "Every {request|page|click} ends {in|with} <code>.",
                "{Restarting|Reloading|Another browser} {makes no difference|changes nothing}.",
                "The status page says everything is {green|fine}, {but|yet} nothing {works|responds} here.",
            ),
        ),
        Topic(
            "trouble",
            ("{Sync|Synchronisation} {stuck|stopped} on <device>", "Files {missing|not syncing} after <version>"),
            (
                "The sync {hangs|is stuck} at <percent> percent on {my|our} <device>.",
                "Since {version|release|the update to} <version> {changes|new files} do not {arrive|show up} anywhere.",
                "{I|We} {reinstalled|restarted} the {sync client|app}, {same result|no luck}.",
                "The log {has|repeats} <code> {again and again|every few seconds}.",
            ),
        ),
        Topic(
            "trouble",
            ("{API|Webhook} returns <code>", "Webhooks {delayed|arrive twice}", "Rate limit errors from the API"),
            (
                "Our {integration|script|backend} {gets|receives} <code> from the API <n> times an hour.",
                "The {webhook|callback} for <addon> {arrives twice|comes minutes late|has an empty body}.",
                "The same {request|payload} worked before <version>.",
                "The {token|API key} is {valid|fresh}, {I|we} checked it twice.",
            ),
        ),
        Topic(
            "trouble",
            (
                "{Export|CSV export} {fails|is incomplete}",
                "Report {export|download} times out",
                "Broken characters in export",
            ),
            (
                "The {CSV|PDF} export of {our|the} {report|project|board} {stops|times out} after <n> rows.",
                "{Umlauts|Accents|Special characters} {are broken|become question marks} in the {file|download}.",
                "The {preview|screen} looks right, {only|just} the file is wrong.",
                "{Smaller|Shorter} exports {work|finish} {without a problem|fine}.",
            ),
        ),
        Topic(
            "trouble",
            (
                "App {crashes|freezes} on <device>",
                "{Mobile|Desktop} app closes by itself",
                "Crash after update to <version>",
            ),
            (
                "The app {crashes|freezes|closes itself} on {my|our} <device> {as soon as|whenever} {I|we} search.",
                "It {started|began} with <version>.",
                "The crash report {says|mentions} <code>.",
                "{Memory|Battery} use {is|looks} {very|unusually} high {before|when} it happens.",
            ),
        ),
        Topic(
            "trouble",
            ("{Slow|Very slow} {search|dashboard}", "Pages take <n> seconds", "Performance {problem|issue} in <app>"),
            (
                "{Search|The dashboard|Every page} {takes|needs} <n> seconds {to load|to answer} since <when>.",
                "{Other sites|Our network} {are|is} {fast|fine}, so it is not the connection.",
                "With <addon> {switched off|disabled} it is {a little|slightly} faster.",
                "The {browser|console} {shows|logs} <code> while {loading|waiting}.",
            ),
        ),
        Topic(
            "question",
            ("How do I {set up|configure} single sign-on?", "{Question|Help} {about|with} SSO", "Setting up <addon>"),
            (
                "{Is there a guide|Where is the manual} for {single sign-on|SAML|user provisioning} with <app>?",
                "The {metadata file|certificate} is uploaded, the {button|option} stays grey.",
                "{I|We} would like to {configure|set up} <addon> for <n> {users|accounts}.",
                "Which {fields|settings} must be {mapped|filled in} on {our|the} side?",
            ),
        ),
        Topic(
            "question",
            ("Notification {e-mails|settings}", "{Too many|No} notifications", "{Reminders|E-mails} go to spam"),
            (
                "{The notification e-mails|Reminders} {end up in spam|do not arrive} since <when>.",
                "How can {I|we} {switch off|mute} {notifications|alerts} for {one board|one project}?",
                "{The setting|The switch} {goes back|resets itself} after {every|each} {login|reload}.",
            ),
        ),
        Topic(
            "trouble",
            (
                "{Deleted|Lost} {data|board} by mistake",
                "{Restore|Recover} a deleted project",
                "Data missing after import",
            ),
            (
                "{A colleague|Somebody} {deleted|overwrote} {a board|a project} {by mistake|by accident} on <day>.",
                "After the import <n> {records|entries} are {missing|empty}.",
                "Can you {restore|recover} it from a backup?",
                "The {trash|recycle bin} is {empty|already cleared}.",
            ),
        ),
    ),
    "Billing": (
        Topic(
            "trouble",
            ("{Charged|Billed} twice in <month>", "Double {charge|payment}", "Duplicate payment for <invoice>"),
            (
                "{My|Our} card was {charged|debited} twice for <invoice>.",
                "{I|We} see two payments of <amount> on the {statement|account} for <month>.",
                "Please {refund|return} {one of them|the second one}.",
                "The {bank|card company} {confirms|says} both {were booked|went through}.",
            ),
        ),
        Topic(
            "trouble",
            (
                "{Wrong|Incorrect} amount on <invoice>",
                "{Invoice|Bill} too high",
                "<invoice> does not match {the contract|our seats}",
            ),
            (
                "<invoice> {shows|lists} <amount>, {but|while} {we agreed on|the plan costs} <amount>.",
                "We are {billed|charged} for <n> {seats|users} {but|and} have {only|just} <n>.",
                "The {discount|credit} {of|from} <month> is {missing|not applied}.",
                "Please {correct|check} the {invoice|bill} and send {a new one|us a copy}.",
            ),
        ),
        Topic(
            "question",
            (
                "{Refund|Money back} {request|for} <invoice>",
                "When {will|does} my refund arrive?",
                "Refund {not received|missing}",
            ),
            (
                "{I|We} {asked for|requested} a refund of <amount> in <month>.",
                "{It|The money} {has not arrived|is not on the account} yet.",
                "{How long|How many days} does a refund {usually take|need}?",
                "The {refund|credit note} has the number <invoice>.",
            ),
        ),
        Topic(
            "outage",
            (
                "{Payment|Card} {declined|rejected}",
                "Account {suspended|blocked} although paid",
                "{Cannot|Can't} pay <invoice>",
            ),
            (
                "{My|Our} card is {declined|rejected} {again|each time}, the bank says {all is well|it is not them}.",
                "The account is {suspended|blocked} for {non-payment|an open balance}, <invoice> was paid on <day>.",
                "The payment page {answers|ends} with <code> after {I|we} enter the card.",
                "{The transfer of|A transfer over} <amount> {left our bank|was sent} on <day>.",
            ),
        ),
        Topic(
            "question",
            (
                "{Need|Please send} {invoice|receipt} for <month>",
                "{Copy|PDF} of <invoice>",
                "Where do I find my {invoices|receipts}?",
            ),
            (
                "{I|We} need {the invoice|a receipt} for <month> for {our|the} {accounting|tax return|bookkeeper}.",
                "Where can {I|we} {download|find} {old|all} {invoices|receipts}?",
                "{The e-mail with|Our copy of} <invoice> {got lost|was deleted}.",
            ),
        ),
        Topic(
            "question",
            ("{Change|Update} {billing address|VAT number}", "New {billing address|company name} on invoices"),
            (
                "{Our company|We} moved, please {change|update} the {billing address|address on the invoices}.",
                "The VAT number on <invoice> is {wrong|the old one}.",
                "The new {company name|name} is <company>.",
                "Can <invoice> be {issued|written} again with {the right data|the new address}?",
            ),
        ),
        Topic(
            "question",
            (
                "{Update|Change} {credit card|payment method}",
                "Pay by {bank transfer|invoice} instead of card",
                "Card expires in <month>",
            ),
            (
                "{My|Our} {credit card|card} expires in <month>, how do {I|we} {replace|change} it?",
                "{Is it possible|Can we} {to pay|pay} by {bank transfer|direct debit} {from now on|in future}?",
                "The {old|expired} card {is still|keeps being} {shown|charged}.",
            ),
        ),
        Topic(
            "trouble",
            (
                "{Charged|Billed} after {cancellation|cancelling}",
                "{Subscription|Plan} renewed {by itself|without notice}",
            ),
            (
                "{I|We} cancelled {everything|the plan} in <month> and <amount> was {charged|billed} {again|anyway}.",
                "The {renewal|subscription} went through {without notice|although it was cancelled}.",
                "The cancellation was confirmed {by e-mail|in writing} on <day>.",
                "Please {return|refund} <amount> and {close|end} the subscription.",
            ),
        ),
        Topic(
            "trouble",
            ("{Dunning letter|Payment reminder} for a paid invoice", "Reminder for <invoice> {already paid|is wrong}"),
            (
                "{We got|There came} a {reminder|dunning letter} for <invoice>, {paid|already settled} on <day>.",
                "A late fee of <amount> was {added|booked}.",
                "{Attached|Enclosed} is the {bank statement|proof of payment}.",
            ),
        ),
    ),
    "Sales": (
        Topic(
            "question",
            (
                "{Price|Pricing} for <n> {seats|users}",
                "{Quote|Offer} for the <plan> plan",
                "What does the <plan> plan cost?",
            ),
            (
                "{We are thinking about|We consider} the <plan> plan for {a team|a department} of <n>.",
                "{Could somebody|Can you} send {us|me} a {quote|quotation|price list}?",
                "Is there a discount for {yearly payment|a two-year term|non-profits|schools}?",
                "{How does|How would} the price {change|develop} with <n> more {seats|users}?",
            ),
        ),
        Topic(
            "question",
            ("{Demo|Product demo} {request|for our team}", "{Book|Schedule} a demo", "Could we see <addon> in a demo?"),
            (
                "{We|Our team} would like to {see|book} a {demo|presentation} of <app> {next week|in <month>}.",
                "About <n> {people|colleagues} would {join|attend}.",
                "We are {mostly|mainly} interested in <addon> and {reports|automation|permissions}.",
                "{Which days|What times} {suit|work for} you?",
            ),
        ),
        Topic(
            "question",
            ("{Upgrade|Switch} to the <plan> plan", "{Adding|More} {seats|licences}", "Upgrade {options|question}"),
            (
                "We {want|would like} to {upgrade|move} from the <plan> plan to the <plan> plan.",
                "{We need|Please add} <n> more {seats|licences} {from|by} <month>.",
                "What {changes|is included} {when we upgrade|in the larger plan}?",
                "{Who|Which person} is our {account manager|contact} for {this|upgrades}?",
            ),
        ),
        Topic(
            "question",
            (
                "{Compare|Comparison of} plans",
                "{Does|Is} <addon> {included|part of} the <plan> plan?",
                "{Features|Limits} of the <plan> plan",
            ),
            (
                "{Is|Does} <addon> {included in|come with} the <plan> plan?",
                "What is the {difference|main difference} between the <plan> and the <plan> plan?",
                "{We compare|Our buyer compares} you with two {other vendors|competitors}.",
                "How many {projects|guests|boards} does the {offer|plan} allow?",
            ),
        ),
        Topic(
            "trouble",
            (
                "{Contract|Agreement} {renewal|ends in <month>}",
                "{Renewal|Contract} terms",
                "Negotiate {our renewal|the contract}",
            ),
            (
                "Our contract {ends|runs out} in <month>, we {want|hope} to {discuss|negotiate} the {renewal|terms}.",
                "{Procurement|Our legal team} {asks for|needs} {changes to|a copy of} the {agreement|order form}.",
                "A {competitor|vendor} {offers|offered} {us|our company} <amount> {per year|for the same scope}.",
                "Without {an answer|a signed offer} {we|the team} will {look elsewhere|take somebody else}.",
            ),
        ),
        Topic(
            "question",
            ("{Trial|Test account} {extension|ends soon}", "{Extend|Longer} trial of <addon>", "Trial for <company>"),
            (
                "Our trial {ends|is over} in <n> days, {could you|can you} {extend|prolong} it?",
                "{We|The evaluation team} {did not get to|still have to} {test|try} <addon>.",
                "If {the test|the trial} goes well we will {buy|order} <n> {seats|licences}.",
            ),
        ),
        Topic(
            "question",
            ("{Partner|Reseller} {programme|request}", "{Become|Becoming} a {partner|reseller}", "Reselling <app>"),
            (
                "<company> {would like|wants} to become a {reseller|partner} in our {region|country}.",
                "What {margin|commission} do {partners|resellers} {get|receive}?",
                "We {serve|look after} about <n> {customers|clients}.",
                "{Is there|Do you have} a {partner agreement|brochure|price book}?",
            ),
        ),
        Topic(
            "trouble",
            ("{Security questionnaire|Tender} for <company>", "{Tender|RFP} {documents|deadline} <month>"),
            (
                "For {a tender|our RFP} we {need|require} {an offer|a proposal} over <n> seats {by|before} <month>.",
                "{Procurement|Our buyer} {asks for|needs} the {security|compliance} sheet {filled in|completed}.",
                "The {budget|volume} is {about|around} <amount>.",
                "{Who|Which of your people} can {sign|answer for} {the proposal|the offer}?",
            ),
        ),
    ),
}

# Signs of how soon an answer is needed.
SIGNS: dict[str, tuple[str, ...]] = {
    "Urgent": (
        "{The whole company|Our entire team|Everybody} {is blocked|stands still|cannot work} {right now|at present}.",
        "This is {an emergency|critical}, {we lose|we are losing} {money|customers} {every minute|every hour}.",
        "{Production|Our live system|Our shop} is {down|at a standstill} {because of this|until this is solved}.",
        "{We need|I need} {help|somebody} {immediately|this very minute|right away}.",
        "{Please call|Call me} {at once|immediately}, {we cannot wait|every minute counts}.",
        "{Our customers|Hundreds of customers} are {affected|complaining} and {we have no workaround|nothing helps}.",
        "{The deadline|Our go-live} is {in an hour|in two hours} and {nothing works|everything stands still}.",
    ),
    "High": (
        "{This|It} {blocks|is blocking} {several of us|part of the team}, please {help|answer} {today|by tonight}.",
        "{We need|I need} {an answer|a solution} {by tomorrow|before tomorrow noon|today if possible}.",
        "{There is a workaround, but|We get by for now, but} it costs {us|the team} {hours|a lot of time} every day.",
        "{My manager|Management} is {asking|waiting} for {an answer|news}, please {treat|handle} it {soon|first}.",
        "It is {important|pressing} for {us|the month-end closing}, a {quick|fast} reply would {help a lot|be good}.",
        "{We have been waiting|I wrote already} {for three days|twice}, please {escalate|push} {this|my ticket}.",
        "{A customer|An important client} {depends on|waits for} this and {expects|wants} {news|a result} tomorrow.",
    ),
    "Medium": (
        "{Please|Could you} {look into this|check this|take a look} {this week|in the next days}.",
        "{It is annoying|It is a nuisance}, but {we can work|work goes on}.",
        "{An answer|A reply} {within a few days|by the end of the week} {would be fine|is good enough}.",
        "{It happens|We notice it} {now and then|from time to time}, {not always|on some days only}.",
        "{Only one|Just one} {of us|user} {is affected|has noticed}, {the rest is fine|others do not}.",
        "{We would like|I would like} {this sorted out|to have this settled} {before long|in the coming days}.",
        "{Please|Kindly} {let me know|tell us} {what to do next|how to go on} {when you know|some time this week}.",
    ),
    "Low": (
        "{There is no rush|No hurry}, {whenever you find time|when it suits you}.",
        "{Just|I am only} {curious|asking out of interest}.",
        "{It is only|This is just} a {small|minor|cosmetic} {thing|matter}.",
        "{For the future|At some point} {it would be nice|I would be glad} to {know|have this}.",
        "{Not important|Nothing important}, {but I thought you should know|just for your information}.",
        "{It can wait|This can wait} {until next month|a few weeks|as long as you like}.",
        "{A suggestion|A wish} {for later|for some day}: {make it simpler|explain it in the help pages}.",
    ),
}
SUBJECT_SIGNS: dict[str, tuple[str, ...]] = {
    "Urgent": ("URGENT: ", "EMERGENCY - ", "Critical: ", "ASAP!! "),
    "High": ("Important: ", "Please help today: ", "Again: "),
    "Medium": ("Problem: ", "Ticket: ", "Re: "),
    "Low": ("Small thing: ", "When you have time: ", "FYI: "),
}

# Tickets that could go to either of two departments.
MIXED: tuple[tuple[tuple[str, str], Topic], ...] = (
    (
        ("Tech Support", "Billing"),
        Topic(
            "trouble",
            ("Problem with {payment page|billing page}", "Account {limited|restricted}"),
            (
                "The {payment|billing} page {shows|gives} <code> since <when>.",
                "{Our account|My account} {became|is} {read-only|limited} {without|for no} {notice|reason}.",
            ),
        ),
    ),
    (
        ("Billing", "Sales"),
        Topic(
            "question",
            ("{Change|Question about} our plan", "{Fewer|Other} seats {next|this} month"),
            (
                "We {want|need} to change {the number of seats|our plan} {from|in} <month>.",
                "What {will|would} {that|it} {cost|mean} for {the next invoice|our contract}?",
            ),
        ),
    ),
    (
        ("Tech Support", "Sales"),
        Topic(
            "question",
            ("{Does it|Can <app>} work with {our systems|<addon>}?", "{API|Storage} limits"),
            (
                "{What are|How high are} the {limits|quotas} {of the API|for storage} {in our plan|with <n> users}?",
                "{Does|Will} <app> {work|run} with <addon>?",
            ),
        ),
    ),
)

GREETINGS = (
    "Hello,",
    "Hi,",
    "Hi there,",
    "Good morning,",
    "Dear support team,",
    "Dear Sir or Madam,",
    "Hello <first>,",
)
CLOSINGS = (
    "{Thanks|Thank you},\n<first> <last>",
    "{Kind|Best} regards\n<first> <last>",
    "{Kind|Best} regards,\n<first> <last>\n<company>",
    "{Cheers|Regards}, <first>",
    "Thanks in advance!",
    "Thank you.",
    "Sent from my <device>",
)
FILLERS = (
    "{I|We} have been {a customer|with you} for <n> years.",
    "{My|Our} customer number is <number>.",
    "{By the way|Besides}, {we like|the team likes} the new {design|colours}.",
    "{I|We} {could not|did not} find {anything|an answer} in the {help pages|documentation}.",
    "{Sorry|Excuse me} if this is {the wrong address|not the right place}.",
    "{I|My colleague <first>} {wrote|called} about this {before|on <day>}.",
    "We use <app> with <addon> at <company>.",
    "You can {reach me|call me} {in the morning|until five}.",
    "{A screenshot|The log file} is attached.",
    "{The reference|Our reference} is <number>.",
)

SLOTS: dict[str, tuple[str, ...]] = {
    "app": ("the dashboard", "the web app", "the portal", "our workspace", "the admin area", "the planner"),
    "device": ("iPad", "Android phone", "laptop", "Windows PC", "tablet", "phone", "Linux machine", "Mac"),
    "plan": ("Starter", "Team", "Business", "Enterprise"),
    "month": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "currency": ("EUR", "USD", "GBP", "CHF"),
    "when": (
        *("this morning", "yesterday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
        *("the weekend", "last night", "noon", "the last update", "two days ago", "last week"),
    ),
    "first": (
        *("Ada", "Ben", "Carla", "Deniz", "Elin", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaja", "Leo", "Mira"),
        *("Noor", "Otto", "Paula", "Quentin", "Rosa", "Sami", "Tilda", "Umar", "Vera", "Wim", "Xenia", "Yara", "Zoe"),
        *("André", "Björn", "Chloé", "Jürgen", "Łukasz", "Søren"),
    ),
}
SYLLABLES = (
    *("bar", "bel", "cor", "dan", "del", "dor", "el", "fen", "gar", "hal", "il", "jor", "kel", "lan", "lin", "mar"),
    *("mel", "mor", "nal", "nor", "or", "pel", "quin", "ras", "rin", "sal", "sen", "tar", "tol", "ul", "van", "wen"),
)
