"""Personal data: find them, and replace them with stable typed placeholders.

- `rules.yaml`: what personal data look like, as data; read by `rules`
- `value_checks`, `phone_checks`, `name_checks`: check digits, phone numbers, words that are no names
- `given_names`: lists of names, brands and goods, of `names.yaml` and `given_names.txt`
- `name_finder`: names by these lists and what stands around them
- `detector`: text → places of personal data; `url_scanner`: the same for URLs
- `placeholders`: a value → its placeholder, by a secret key
- `page_html`: the texts, attributes and names of a simplified page
- `known_values`: what people typed into personal fields, looked for in what they saw
- `scrubber`: pages, steps and sessions; `scrub`: a whole data set; `report`: what was replaced
"""

from facsim.data.scrub.detector import PersonalDataDetector
from facsim.data.scrub.spans import PersonalSpan

__all__ = ["PersonalDataDetector", "PersonalSpan"]
