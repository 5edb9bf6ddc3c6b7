"""Trains a model of who gets pneumonia, and describes it by aggregates alone."""
import json

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

CHRONIC = {"diabetes": 201826, "hypertension": 320128, "heart_failure": 316139}
PNEUMONIA = 255848
FEMALE = 8532

person = pd.read_parquet("data/person.parquet").set_index("person_id")
condition = pd.read_parquet("data/condition_occurrence.parquet")


def has(concept):
    return person.index.isin(condition.loc[condition.condition_concept_id == concept, "person_id"])


x = pd.DataFrame(index=person.index)
x["age_decades"] = (2024 - person.year_of_birth) / 10
x["female"] = (person.gender_concept_id == FEMALE).astype(int)
for name, concept in CHRONIC.items():
    x[name] = has(concept).astype(int)
y = has(PNEUMONIA).astype(int)

x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=1, stratify=y)
model = LogisticRegression(max_iter=1000).fit(x_train, y_train)
risk = pd.Series(model.predict_proba(x_test)[:, 1], index=x_test.index)

card = {
    "model": "logistic regression",
    "outcome": "pneumonia, 2021 to 2024",
    "persons": len(x),
    "persons_with_outcome": int(y.sum()),
    "auc": round(float(roc_auc_score(y_test, risk)), 3),
    "log_odds": {name: round(float(b), 3) for name, b in zip(x.columns, model.coef_[0])},
}
with open("outputs/model_card.json", "w", encoding="utf-8") as f:
    json.dump(card, f, indent=2)

group = pd.qcut(risk.rank(method="first"), 4, labels=["lowest", "lower", "higher", "highest"])
table = pd.DataFrame({"risk": risk.groupby(group, observed=True).mean().round(3)})
table["persons"] = risk.groupby(group, observed=True).size()
table.rename_axis("risk_group").to_csv("outputs/calibration.csv")
print(f"AUC {card['auc']} on {len(x_test)} persons that the model had not seen")
