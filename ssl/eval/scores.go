package eval

// The protocol of Judge, beside the two probes'.
const (
	Temperature = 0.07 // of the weighted vote of k-NN
	FewPerClass = 10   // labels that Linear10 has
	FewDraws    = 20   // of those labels
	FewSeed     = 1    // of the draws
)

// Scores are accuracies in percent of the test images, by what the labels of all training images say, or of ten a class.
type Scores struct {
	KNN1        float64 `json:"knn1"`         // the nearest by cosine
	KNN20       float64 `json:"knn20"`        // the vote of the nearest 20, weighted with exp(cosine/Temperature)
	Linear      float64 `json:"linear"`       // of Linear
	Linear10    float64 `json:"linear10"`     // of LinearFewShot: mean of FewDraws draws of FewPerClass labels a class
	Linear10Std float64 `json:"linear10_std"` // their standard deviation
}

// Judge measures features with frozen ones' three judges.
func Judge(train, test *Features) (s Scores, err error) {
	near, err := KNN(train, test, []int{1, 20}, Temperature)
	if err != nil {
		return s, err
	}
	s.KNN1, s.KNN20 = near[0], near[1]
	if s.Linear, err = Linear(train, test, LinearOptions{}); err != nil {
		return s, err
	}
	s.Linear10, s.Linear10Std, err = LinearFewShot(train, test, FewPerClass, FewDraws, FewSeed)
	return s, err
}
